"""Keeps a process's keys up to date: from the bucket, and from the disk while NATS is away.

    bucket echobase-keys       key.<id>      a KeyRecord       written by `echobase keys`
                               signing       32 random bytes   written by the first stream service
    bucket echobase-sessions   <session>     seconds           written by stream at a sign-out

Every change goes to a file of the process's own before anything relies on it, so that a restart
without NATS neither opens what was locked nor forgets a revocation.

An empty bucket never replaces keys that are known: whoever loses the bucket has not unlocked the
system.
"""

import asyncio
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.api_key import KeyRecord
from shared.bus import Bus
from shared.errors import BusUnavailable, FenceLost
from shared.key_ring import KeyRing
from shared.key_set import KeySet
from shared.key_value import Entries, KeyValue
from shared.keys import Credential
from shared.topology import KEYS, SESSIONS
from shared.whole_file import write_whole

log = logging.getLogger(__name__)

KEY = "key."
SIGNING = "signing"
_SECRET_BYTES = 32
_TICK = 1.0
"""Seconds between two looks at what has expired."""


class _Kept(Struct):
    """What the file holds."""

    records: list[KeyRecord] = []
    secret: str = ""
    signed_out: dict[str, float] = {}
    damaged: bool = False


class KeyKeeper:
    """Brings a ring up to date for as long as `run` runs."""

    def __init__(self, ring: KeyRing, bus: Bus, path: Path, *, makes_secret: bool = False) -> None:
        """`path`: the file. `makes_secret`: whether to make what signs if there is none."""
        self._ring = ring
        self._keys = KeyValue(bus, KEYS)
        self._sessions = KeyValue(bus, SESSIONS)
        self._path = path
        self._makes_secret = makes_secret
        self._known = asyncio.Event()
        self._untold: dict[str, float] = {}
        """Sign-outs that the bucket does not hold yet."""
        self._changing = asyncio.Lock()

    def load(self) -> None:
        """Go by what the disk holds. Blocks.

        A file that cannot be read locks the system: nobody knows which keys it held.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
            secret = b64decode(kept.secret)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.error(
                "%s cannot be read (%s): a key is asked for; remove it if there never was one",
                self._path,
                error,
            )
            self._ring.replace(replace(self._ring.keys, damaged=True))
            return
        self._untold = dict(kept.signed_out)
        self._ring.replace(
            replace(
                self._ring.keys,
                records={record.id: record for record in kept.records},
                secret=secret,
                signed_out=kept.signed_out,
                damaged=kept.damaged,
            )
        )

    async def known(self, patience: float) -> bool:
        """Wait until the bucket has been read, so many seconds at most; whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._known.wait()
        return self._known.is_set()

    async def run(self) -> None:
        """Follow both buckets for ever; a bus that is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_keys())
            tasks.create_task(self._follow_sessions())
            tasks.create_task(self._tick())

    async def sign_out(self, credential: Credential) -> None:
        """End a session, here at once, and on every replica as soon as NATS allows."""
        if not credential.session:
            return
        expires = credential.expires or self._ring.now()
        self._untold[credential.session] = expires
        await self._change(lambda keys: _signed_out(keys, {credential.session: expires}))
        await self._tell()

    async def _follow_keys(self) -> None:
        async for entries in self._keys.watch():
            await self._change(lambda keys, entries=entries: _taken(keys, entries))
            self._known.set()
            if self._makes_secret and _secret(entries) is None:
                found = entries.get(SIGNING)
                await self._make_secret(found.revision if found else 0)

    async def _make_secret(self, found: int) -> None:
        """Put it in the place of the revision `found`: 0 if there is none."""
        made = self._ring.keys.secret
        while not _is_secret(made):
            made = secrets.token_bytes(_SECRET_BYTES)
        with suppress(FenceLost, BusUnavailable):  # another stream service was quicker; or later
            await self._keys.put(SIGNING, made, expected=found)

    async def _follow_sessions(self) -> None:
        async for entries in self._sessions.watch():
            told = {session: _moment(value.data) for session, value in entries.items()}
            for session in told:
                self._untold.pop(session, None)
            now = self._ring.now()
            counting = {session: moment for session, moment in told.items() if moment > now}
            await self._change(lambda keys, counting=counting: _signed_out(keys, counting))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._ring.look()
            await self._tell()

    async def _tell(self) -> None:
        """Put the sign-outs that the bucket lacks into it, if NATS is there."""
        for session, expires in list(self._untold.items()):
            try:
                await self._sessions.put(session, msgspec.json.encode(expires))
            except BusUnavailable:
                return
            self._untold.pop(session, None)

    async def _change(self, change: Callable[[KeySet], KeySet]) -> None:
        """Have a changed set on the disk, then in force."""
        async with self._changing:
            keys = change(self._ring.keys)
            if keys == self._ring.keys:
                return
            now = self._ring.now()
            signed_out = {k: moment for k, moment in keys.signed_out.items() if moment > now}
            keys = replace(keys, signed_out=signed_out)
            try:
                await asyncio.to_thread(write_whole, self._path, _kept(keys))
            except OSError as error:
                # A revocation counts at once, even where the disk is full.
                log.error("%s: %s; a restart would go by older keys", self._path, error.strerror)
            self._ring.replace(keys)


def _taken(keys: KeySet, entries: Entries) -> KeySet:
    """The keys that a bucket's content makes of those that were known."""
    records, damaged = _records(entries)
    if not records and not damaged and (keys.records or keys.damaged):
        log.error("the bucket of keys is empty: those that are known stay in force")
        return keys
    secret = _secret(entries)
    if secret is None:
        if SIGNING in entries:
            log.error("what signs sessions was overwritten in NATS: that does not count")
        secret = keys.secret
    return replace(keys, records=records, damaged=damaged, secret=secret)


def _secret(entries: Entries) -> bytes | None:
    """What a bucket holds to sign with; None if there is nothing that one of ours made."""
    found = entries.get(SIGNING)
    return found.data if found and _is_secret(found.data) else None


def _is_secret(data: bytes) -> bool:
    """Whether it is one, and nothing that somebody else knows.

    NATS puts an answer, or an event, wherever who asks for it wants it: so a user without the right
    to write here can overwrite it all the same. Answers are ASCII, events longer.
    """
    return len(data) == _SECRET_BYTES and not data.isascii()


def _signed_out(keys: KeySet, sessions: Mapping[str, float]) -> KeySet:
    return replace(keys, signed_out={**keys.signed_out, **sessions})


def _kept(keys: KeySet) -> bytes:
    return msgspec.json.encode(
        _Kept(
            records=list(keys.records.values()),
            secret=b64encode(keys.secret).decode(),
            signed_out=dict(keys.signed_out),
            damaged=keys.damaged,
        )
    )


def _records(entries: Entries) -> tuple[dict[str, KeyRecord], bool]:
    """The keys that a bucket holds by id, and whether there are others that cannot be read."""
    found: dict[str, KeyRecord] = {}
    damaged = False
    for name, value in entries.items():
        if not name.startswith(KEY):
            continue
        try:
            record = msgspec.json.decode(value.data, type=KeyRecord)
        except msgspec.DecodeError:
            log.error("the key %s cannot be read, and does not count", name)
            damaged = True
        else:
            found[record.id] = record
    return found, damaged


def _moment(data: bytes) -> float:
    try:
        return msgspec.json.decode(data, type=float)
    except msgspec.DecodeError:
        return 0.0
