"""Waits with a caller for a version: its segments as they come, then its transcript.

One follower of EVENTS serves all callers of a process. A caller that goes away, or has waited long
enough, ends nothing but its own wait: the same audio with the same options is the same version.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import TypeVar

from services.ingest.body import BrokenOff
from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.patience import NotReady, Patience
from services.ingest.pulse import LONGEST, Pulse
from services.ingest.upstream import Upstream
from shared import erasure, object_keys, subjects
from shared.asgi import Receive
from shared.bus import StoredMessage
from shared.errors import BadMessage, EchoBaseError, Unavailable
from shared.follow import Follow, Gap
from shared.messages import Completed, Deleted, Failed, Segment, Transcript, decode, decode_event
from shared.version_state import VersionState, read_version

Told = Segment | Transcript
T = TypeVar("T")

_AGAIN = 0.1
"""Seconds between two looks at what tells nobody that it changed."""


class VersionFailed(EchoBaseError):
    """No transcript will come of the version; its `failed` says why."""

    code = "version-failed"

    def __init__(self, code: str, reason: str) -> None:
        """`code` is a stable word for programs, as in the event `failed`."""
        super().__init__(reason)
        self.why = code


class Erased(EchoBaseError):
    """The recording, or its transcript, was deleted meanwhile."""

    code = "deleted"


class Waiting:
    """Where callers wait."""

    def __init__(
        self,
        follow: Follow,
        upstream: Upstream,
        forwarder: Forwarder,
        stopping: asyncio.Event,
        longest: float,
        away: float = LONGEST,
    ) -> None:
        """`follow` is of EVENTS, and has to run; `longest`: seconds that a caller may wait;
        `away`: seconds for which store or bus may be away meanwhile."""
        self.longest = longest
        self._follow = follow
        self._upstream = upstream
        self._forwarder = forwarder
        self._stopping = stopping
        self._pulse = Pulse(upstream, away)

    async def follow(self, held: Held, seconds: float) -> AsyncGenerator[Told]:
        """The segments of an entry's version in order, as they come, and its transcript at last.

        Of a version that was there before, the segments may be in the transcript alone.
        Raises NotReady after so many seconds or when the service stops, Unavailable when store or
        bus stay away, VersionFailed, Erased.
        """
        with Patience(self._pulse, self._stopping, seconds, lambda: self._back(held)) as patience:
            version = await patience.within(self._version(held))
            sought = _Sought(held, version)
            known = held.known or held.forwarded is not None
            found = await patience.within(self._stored(sought)) if known else None
            sent = 0
            async with aclosing(self._segments(sought, patience)) as segments:
                while found is None:
                    segment = await anext(segments, None)
                    if segment is None:
                        found = await patience.within(self._transcript(sought))
                    elif segment.index >= sent:
                        sent = segment.index + 1
                        yield segment
            yield found

    async def transcript(self, held: Held, seconds: float, receive: Receive) -> Transcript:
        """The same, without the segments. Raises BrokenOff if the caller goes away."""

        async def last() -> Transcript:
            async with aclosing(self.follow(held, seconds)) as told:
                async for each in told:
                    if isinstance(each, Transcript):
                        return each
            raise NotReady("The transcript is not ready.")

        return await while_there(receive, last())

    def _back(self, held: Held) -> None:
        """Store and bus answer: an entry that failed meanwhile need not wait for its turn."""
        if held.waiting and held.attempts:
            self._forwarder.hurry()

    async def _version(self, held: Held) -> int:
        await held.settled.wait()
        while held.version is None:
            if held.erased:
                raise Erased("The recording was deleted.")
            if held.refused is not None:
                raise VersionFailed(held.refused.code, held.refused.reason)
            await asyncio.sleep(_AGAIN)
        return held.version

    async def _segments(self, sought: "_Sought", patience: Patience) -> AsyncGenerator[Segment]:
        """Every segment, some perhaps more than once, until the version is completed."""
        while True:
            await patience.within(self._follow.known())
            epoch = self._follow.epoch
            state = await patience.within(self._state(sought))
            for segment in state.segments:
                yield segment
            if state.completed is not None:
                return
            if state.failed is not None:
                raise VersionFailed(state.failed.code, state.failed.reason)
            async with aclosing(self._live(sought, state.last_sequence, epoch, patience)) as live:
                async for event in live:
                    if isinstance(event, Completed):
                        return
                    yield event
            # Events are missing: what there is tells.
            await patience.within(asyncio.sleep(_AGAIN))

    async def _live(
        self, sought: "_Sought", after: int, epoch: str, patience: Patience
    ) -> AsyncGenerator[Segment | Completed]:
        """What comes after a sequence, until some may be missing."""
        cursor = self._follow.cursor(sought.wants, sought.filters)
        if await patience.within(cursor.begin(after, epoch)):
            return
        while True:
            arrival = self._follow.arrival
            items = await patience.within(cursor.next())
            for item in items:
                if isinstance(item, Gap):
                    return
                if (event := sought.event(item)) is not None:
                    yield event
            if not items:
                await patience.within(_set(arrival))

    async def _state(self, sought: "_Sought") -> VersionState:
        """What EVENTS, or else the store, knows of the version."""
        recording = sought.held.entry.recording

        async def read() -> VersionState:
            bus = await self._upstream.bus()
            state = await read_version(
                bus, recording.source, recording.channel, recording.id, sought.version
            )
            if state.last_sequence or not sought.held.known:
                return state
            key = object_keys.failed(recording.id, sought.version)
            failed = await erasure.read(await self._upstream.store(), key, Failed)
            return VersionState(failed=failed)

        return await _until_there(read)

    async def _transcript(self, sought: "_Sought") -> Transcript:
        found = await self._stored(sought)
        if found is None:
            raise Erased("The transcript was deleted.")
        return found

    async def _stored(self, sought: "_Sought") -> Transcript | None:
        key = object_keys.transcript(sought.held.entry.recording.id, sought.version)

        async def read() -> Transcript | None:
            return await erasure.read(await self._upstream.store(), key, Transcript)

        return await _until_there(read)


class _Sought:
    """The version that is waited for, and which messages are about it."""

    def __init__(self, held: Held, version: int) -> None:
        recording = held.entry.recording
        self.held = held
        self.version = version
        events = subjects.version_events(recording.source, recording.channel, recording.id, version)
        deleted = subjects.recording_events(recording.id, "deleted")
        self.filters = (events, deleted)
        self._prefix = events.removesuffix("*").removesuffix(">")
        self._deleted = f".{recording.id}.0.deleted"

    def wants(self, message: StoredMessage) -> bool:
        """Whether a message is of the version, or says that its recording was deleted."""
        subject = message.subject
        return subject.startswith(self._prefix) or subject.endswith(self._deleted)

    def event(self, message: StoredMessage) -> Segment | Completed | None:
        """What a message says; None if it is nothing to go by. Raises VersionFailed, Erased."""
        try:
            if message.subject.endswith(self._deleted):
                self._check(decode(message.data, Deleted))
                return None
            event = decode_event(message.data)
        except BadMessage:
            return None
        if isinstance(event, Failed):
            raise VersionFailed(event.code, event.reason)
        return event if isinstance(event, Segment | Completed) else None

    def _check(self, deleted: Deleted) -> None:
        if deleted.what == "all" and deleted.time >= self.held.entry.since:
            raise Erased("The recording was deleted.")


async def while_there(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """What comes of the work. Raises BrokenOff if the caller goes away first."""
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise BrokenOff("The caller went away.", field="body")
    finally:
        for task in (doing, gone):
            task.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _until_there(read: Callable[[], Awaitable[T]]) -> T:
    """What a read gives, as soon as store and bus let it."""
    while True:
        try:
            return await read()
        except Unavailable:
            await asyncio.sleep(_AGAIN)
