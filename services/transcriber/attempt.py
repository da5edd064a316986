"""One attempt at one version: from the claimed job to `completed`.

    read the version's events · fetch the audio · `started` (takes the fence, freezes the plan)
    · decode · find speech · cut · each chunk: model, then its segments as one batch
    · transcript from the stored events · `completed`

The audio is fetched before `started`, and the bus and the store are waited for: an outage is no
attempt. Opening the audio and everything after comes after `started`: what kills a worker counts.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, TypeVar

from services.transcriber import meters
from services.transcriber.audio import Audio
from services.transcriber.batcher import Batcher, Line
from services.transcriber.blocking import in_thread
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE, Span, plan_chunks
from services.transcriber.engine import Engine
from services.transcriber.engines import Engines
from services.transcriber.in_order import in_order
from services.transcriber.patience import Patience
from services.transcriber.plan import make_plan
from services.transcriber.scratch import Scratch, scratch
from services.transcriber.speech import (
    blocks,
    put_together,
    second_look,
    speech_in,
    speech_seconds,
    strictly,
)
from services.transcriber.suspects import Fresh, Suspects
from services.transcriber.transcript import make_transcript
from services.transcriber.turns import Turns
from shared import object_keys
from shared.bus import Bus
from shared.channels import Lookup, nothing_known
from shared.erasure import is_erased
from shared.errors import CannotSucceed, FenceLost, ModelAway, ModelUnavailable
from shared.messages import (
    Completed,
    Job,
    Metadata,
    Plan,
    Queued,
    Segment,
    Started,
    encode,
)
from shared.object_store import ObjectStore
from shared.settings import TranscriberSettings
from shared.settings_guards import GuardSettings
from shared.subjects import LANES
from shared.telemetry import tracer
from shared.version_state import VersionState, read_version
from shared.writer import VersionWriter

T = TypeVar("T")
_log = logging.getLogger(__name__)
_BLOCKS = 2
"""Blocks of a recording that are searched for speech at a time: each needs some 200 MB."""


@dataclass(frozen=True)
class Workshop:
    """What every attempt of one worker uses."""

    bus: Bus
    store: ObjectStore
    engines: Engines
    batcher: Batcher
    turns: Turns
    """Of those who compute beside the model."""
    suspects: Suspects
    settings: TranscriberSettings
    patience: Patience
    worker: str
    """This worker's name in `started`."""
    folder: Path
    """For temporary files."""
    chunk_allowance: float
    """Seconds that the chunk in hand may still take once the process was told to end."""
    channels: Lookup = nothing_known
    """What is known of a channel at the moment."""
    guards: GuardSettings | None = None
    """Those of the site; None for the defaults."""


class Attempt:
    """One attempt at one version."""

    def __init__(self, shop: Workshop, job: Job, state: VersionState) -> None:
        """`state` is what the stream holds of the version."""
        self._shop = shop
        self._job = job
        self._state = state
        self._began = time.monotonic()
        self._untouched = False
        self._said: list[Segment] = []
        self.started = False
        """Whether this attempt's `started` is stored."""
        self.writer = VersionWriter(
            shop.bus, job.source, job.channel, job.recording, job.version, state.last_sequence
        )

    async def run(self) -> None:
        """Make the transcript; returns once `completed` is stored.

        Raises Stopped, FenceLost, CannotSucceed, NotAudio, or whatever a library raises.
        """
        async with AsyncExitStack() as stack:
            engine, plan = await self._prepare(stack)
            files = stack.enter_context(scratch(self._shop.folder))
            suspect = self._state.attempts_without_progress > 0
            line = self._shop.batcher.open(self._rank, expected=not suspect)
            stack.callback(self._shop.batcher.close, line)
            with tracer.start_as_current_span("fetch"):
                await self._shop.patience.outlast(
                    lambda: self._shop.store.get_file(self._job.audio, files.source)
                )
            enter = stack.enter_async_context(self._shop.suspects.enter(suspect=suspect))
            fresh = await self._shop.patience.finish(enter, 0.0)
            await self._start(plan)
            audio, heard, chunks = await self._cut(files, plan)
            language = await self._language(engine, plan, audio, chunks)
            if language is not None:
                await self._decode(_Recording(engine, heard, audio, chunks, language), line, fresh)
            await self._complete(plan, audio, language)

    async def hand_back(self) -> None:
        """Say that the version waits again, if all that this attempt said is that it started.

        Otherwise a polite end would count as an attempt. Raises FenceLost, Stopped.
        """
        if self._untouched:
            job = self._job
            event = Queued(**common(job), lane=job.lane, duration=job.duration, options=job.options)
            await self._shop.patience.finish(self.writer.publish(event))

    async def _prepare(self, stack: AsyncExitStack) -> tuple[Engine, Plan]:
        starts = self._state.starts
        name = starts[0].plan.model if starts else self._job.options.model
        try:
            lent = stack.enter_async_context(self._shop.engines.lend(name))
            engine = await self._shop.patience.finish(lent)
        except ModelUnavailable as error:
            if not starts:
                raise
            # The worker that began the version had the model, and may take the job again.
            raise ModelAway(str(error)) from error
        model = engine.model
        if starts:
            return engine, starts[0].plan
        channel = self._shop.channels(self._job.source, self._job.channel)
        settings = self._shop.settings
        guards = self._shop.guards
        plan = make_plan(self._job.options, settings, model.name, model.traits, channel, guards)
        return engine, plan

    async def _start(self, plan: Plan) -> None:
        attempt = len(self._state.starts) + 1
        event = Started(**common(self._job), worker=self._shop.worker, attempt=attempt, plan=plan)
        await self._shop.patience.finish(self.writer.publish(event))
        self.started = self._untouched = True
        _log.info("started", extra={"attempt": attempt, "chunk": self._state.chunks_done})

    async def _cut(self, files: Scratch, plan: Plan) -> tuple[Audio, Plan, list[Span]]:
        """The samples, how they are to be heard, and the chunks."""
        with tracer.start_as_current_span("decode"):
            audio = await self._in_thread_until_stopped(files.decode)
        with tracer.start_as_current_span("vad") as span:
            speech = await self._speech(audio, plan)
            if not speech and plan.guards.second_try:
                plan = strictly(plan)
                speech = await self._in_thread_until_stopped(lambda: second_look(audio, plan))
            chunks = plan_chunks(speech, audio.total, plan)
            span.set_attribute("echobase.speech_seconds", speech_seconds(chunks))
        return audio, plan, chunks

    async def _speech(self, audio: Audio, plan: Plan) -> list[Span]:
        """The utterances, each block looked at in a turn of its own.

        So hours of audio do not hold up what came meanwhile, and use a core that is free.
        """
        places = asyncio.Semaphore(_BLOCKS)

        async def look(block: Span) -> list[Span]:
            async with places:
                return await self._in_thread_until_stopped(lambda: speech_in(audio, plan, block))

        tasks = [asyncio.create_task(look(block)) for block in blocks(audio.total)]
        try:
            return put_together(await asyncio.gather(*tasks), plan)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _language(
        self, engine: Engine, plan: Plan, audio: Audio, chunks: Sequence[Span]
    ) -> str | None:
        """The language of the whole recording; None without speech.

        It is detected in the first chunk, whoever resumes where, so that it never differs.
        """
        if not chunks:
            return None
        language = plan.options.language
        if language is None:
            first = audio.read(chunks[0])
            language = await self._in_thread_until_stopped(lambda: engine.detect_language(first))
        engine.check(language)
        return language

    async def _decode(self, recording: "_Recording", line: Line, fresh: Fresh) -> None:
        index = len(self._state.segments)
        numbers = iter(range(self._state.chunks_done, len(recording.chunks)))
        decoded = in_order(
            numbers,
            lambda number: self._recognise(recording, number, line, alone=fresh.suspect),
            line,
            self._shop.batcher,
            self._shop.patience,
            self._shop.chunk_allowance,
        )
        async with aclosing(decoded):
            async for number, spoken in decoded:
                await self._publish(number, index, spoken)
                index += len(spoken)
                if spoken:
                    fresh.settled()

    async def _recognise(
        self, recording: "_Recording", number: int, line: Line, *, alone: bool
    ) -> list[Spoken]:
        span = recording.chunks[number]
        attributes = {
            "echobase.chunk": number,
            "echobase.chunk_seconds": span.length / RATE,
            "echobase.model": recording.plan.model,
        }
        with tracer.start_as_current_span("model", attributes=attributes):
            return await self._shop.batcher.decode(
                line,
                recording.engine,
                lambda: recording.chunk(span),
                lambda: _log.debug("decoding", extra={"chunk": number}),
                alone=alone,
            )

    async def _publish(self, chunk: int, index: int, spoken: Sequence[Spoken]) -> None:
        events = [
            Segment(
                **common(self._job),
                index=index + i,
                chunk=chunk,
                start=piece.start,
                end=piece.end,
                text=piece.text,
                confidence=piece.confidence,
                words=piece.words,
                no_speech=piece.no_speech,
            )
            for i, piece in enumerate(spoken)
        ]
        if events:
            await self._shop.patience.finish(self.writer.publish_all(events))
            self._said += events
            self._untouched = False

    async def _complete(self, plan: Plan, audio: Audio, language: str | None) -> None:
        segments = self._all_segments()
        key = object_keys.transcript(self._job.recording, self._job.version)
        transcript = make_transcript(
            self._job,
            segments,
            model=plan.model,
            language=language,
            duration=audio.duration,
            created=datetime.now(UTC),
        )
        # Absent or not: one that is there was built from the same events.
        await self._shop.patience.outlast(
            lambda: self._shop.store.put_if_absent(key, encode(transcript))
        )
        # Afterwards: whoever erases puts the tombstone first, and one of us sees the other.
        if await self._shop.patience.outlast(self._is_erased):
            await self._shop.patience.outlast(lambda: self._shop.store.delete(key))
            raise FenceLost("the recording was erased")
        processing = time.monotonic() - self._began
        event = Completed(
            **common(self._job),
            transcript=key,
            segments=len(segments),
            duration=audio.duration,
            language=language,
            model=plan.model,
            processing=processing,
        )
        await self._shop.patience.finish(self.writer.publish(event))
        meters.completed(self._job.lane, plan.model, audio.duration, processing)
        _log.info("completed", extra={"segments": event.segments, "seconds": round(processing, 3)})

    def _all_segments(self) -> Sequence[Segment]:
        """Those of the stream: what was there when the attempt began, and what it stored since.

        The fence of each publish says that nothing else came between. Raises CannotSucceed.
        """
        segments = (*self._state.segments, *self._said)
        if [segment.index for segment in segments] != list(range(len(segments))):
            raise CannotSucceed(
                "the version's first segments are no longer in the stream: ask for a new version"
            )
        return segments

    async def _is_erased(self) -> bool:
        return await is_erased(self._shop.store, self._job.recording)

    async def _in_thread_until_stopped(self, work: Callable[[], T]) -> T:
        async with AsyncExitStack() as stack:
            turn = stack.enter_async_context(self._shop.turns.take(self._rank))
            await self._shop.patience.finish(turn, 0.0)
            allowance = self._shop.patience.left(self._shop.chunk_allowance)
            return await self._shop.patience.finish(in_thread(work), allowance)

    @property
    def _rank(self) -> int:
        return LANES.index(self._job.lane)


@dataclass(frozen=True)
class _Recording:
    """What is decoded, and how."""

    engine: Engine
    plan: Plan
    audio: Audio
    chunks: Sequence[Span]
    language: str

    def chunk(self, span: Span) -> Chunk:
        """A chunk with its samples, which are read: for a thread."""
        return Chunk(self.audio.read(span), span.start / RATE, self.plan, self.language)


async def read(bus: Bus, job: Job) -> VersionState:
    """The state of the version that a job asks for. Raises BusUnavailable."""
    return await read_version(bus, job.source, job.channel, job.recording, job.version)


class Common(TypedDict):
    """What every event of a version carries."""

    recording: str
    version: int
    source: str
    channel: str
    time: datetime
    metadata: Metadata
    correlation_id: str | None


def common(job: Job) -> Common:
    """What every event of the job's version carries, as of now."""
    return {
        "recording": job.recording,
        "version": job.version,
        "source": job.source,
        "channel": job.channel,
        "time": datetime.now(UTC),
        "metadata": job.metadata,
        "correlation_id": job.correlation_id,
    }
