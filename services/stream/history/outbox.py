"""Brings corrections to EVENTS, however long that takes.

A correction is stored once its `request.json` is: that object claims the version's number and says
what was corrected. Its transcript and its event follow from it, and whoever finds it without them
makes them. What is to be done is noted in the history's file before the correction is stored; if
that file is lost, the walk over the store notes what was corrected lately.
"""

import asyncio
import logging
from contextlib import suppress

from services.stream.correction import correct
from services.stream.history import ledger
from services.stream.history.file import Damaged, HistoryFile
from shared import object_keys
from shared.bus import Bus, Fence
from shared.envelope import event_message
from shared.erasure import is_erased, read
from shared.errors import FenceLost, Unavailable
from shared.messages import Corrected, Recording, Transcript, VersionRequest, encode
from shared.object_store import ObjectStore
from shared.subjects import version_events

_PAUSE = 2.0
_log = logging.getLogger(__name__)


class Outbox:
    """What EVENTS has to be told."""

    def __init__(self, file: HistoryFile, store: ObjectStore, bus: Bus) -> None:
        self._file = file
        self._store = store
        self._bus = bus
        self._more = asyncio.Event()
        self.begun: set[tuple[str, int]] = set()
        """Corrections that are being stored: nothing is to be said of them yet."""

    def wake(self) -> None:
        """There is something to do."""
        self._more.set()

    async def run(self) -> None:
        """Do it for ever; store, bus and file are waited for."""
        while True:
            try:
                await self._empty()
                await self._more.wait()
                self._more.clear()
            except (Unavailable, Damaged) as error:
                _log.debug("corrections wait: %s", error)
                await asyncio.sleep(_PAUSE)

    async def _empty(self) -> None:
        noted = await self._file.read(ledger.noted_corrections)
        for recording, version in (each for each in noted if each not in self.begun):
            await announce(self._store, self._bus, recording, version)
            await self._file.write(
                lambda db, r=recording, v=version: ledger.drop_correction(db, r, v)
            )


async def announce(store: ObjectStore, bus: Bus, recording: str, version: int) -> None:
    """Make what is missing of a correction: its transcript, and its event. Raises Unavailable."""
    request = await read(store, object_keys.request(recording, version), VersionRequest)
    record = await read(store, object_keys.record(recording), Recording)
    if request is None or request.correction is None or record is None:
        return
    transcript = await finish(store, request)
    if transcript is None or await is_erased(store, recording):
        return
    scope = version_events(record.source, record.channel, recording, version)
    event = Corrected(
        recording=recording,
        version=version,
        source=record.source,
        channel=record.channel,
        time=request.requested,
        metadata=record.metadata,
        correlation_id=record.correlation_id,
        base=request.correction.base,
        by=request.correction.by,
        transcript=object_keys.transcript(recording, version),
        segments=len(transcript.segments),
    )
    # Refused if the version has an event already: it has no other than this one.
    with suppress(FenceLost):
        await bus.publish(event_message(event, "stream"), Fence(scope, 0))


async def finish(store: ObjectStore, request: VersionRequest) -> Transcript | None:
    """The transcript of a correction, which is stored if it is not yet.

    None if the version that was corrected is not there any more. Raises StoreUnavailable.
    """
    key = object_keys.transcript(request.recording, request.version)
    if (found := await read(store, key, Transcript)) is not None:
        return found
    correction = request.correction
    number = correction.base if correction else 0
    base = await read(store, object_keys.transcript(request.recording, number), Transcript)
    if base is None:
        return None
    made = correct(base, request)
    await store.put_if_absent(key, encode(made))
    return made
