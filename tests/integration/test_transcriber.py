"""The transcriber with its real model on a real nats-server and a real S3 server."""

import asyncio
import dataclasses
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import jiwer
import msgspec
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from deploy.local.process import Process
from services.transcriber.engine import Engine
from services.transcriber.engines import load_own
from shared.envelope import job_message
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Job, Options, TranscriptSegment
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings, TranscriberSettings
from shared.subjects import Lane
from shared.topology import topology
from shared.version_state import VersionState
from tests.support.otlp import Receiver
from tests.support.servers import NatsFixture
from tests.support.transcriber_process import GRACE, messages, transcriber
from tests.support.transcribing import Site, eventually, excerpt, make_job, sample, sample_texts

pytestmark = pytest.mark.servers
ACK_WAIT = 2.0
"""Seconds; after so long without a sign of life a worker counts as gone."""
DEMO = TranscriberSettings(whisper_model_name="demo", whisper_device="cpu")


@pytest.fixture(scope="module")
def demo() -> Engine:
    """The bundled model."""
    return load_own(DEMO)[0]


@pytest.fixture
async def site(
    nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path
) -> AsyncIterator[Site]:
    """Fresh streams and a fresh bucket; a job is given up after 2 s without a sign of life."""
    bus = await connect(msgspec.structs.replace(nats.settings, ack_wait=ACK_WAIT), "test")
    store = S3Store(store_settings)
    await bus.ensure(topology(ack_wait=ACK_WAIT))
    await store.ensure()
    yield Site(bus, store, tmp_path, DEMO, ACK_WAIT)
    await store.close()
    await bus.close()


async def test_words_come_out(site: Site, demo: Engine) -> None:
    texts = sample_texts()
    jobs = {name: make_job(i, options=Options(words=True)) for i, name in enumerate(texts)}
    for name, job in jobs.items():
        await site.submit(job, sample(name))
    heard: list[str] = []
    async with site.worker(demo):
        for job in jobs.values():
            state = await site.finished(job)
            assert state.completed is not None
            transcript = await site.transcript(job)
            assert [s.index for s in transcript.segments] == list(range(len(state.segments)))
            assert transcript.language == "en"
            assert transcript.model == "demo"
            for segment in transcript.segments:
                assert 0 <= segment.start < segment.end <= transcript.duration
                assert " ".join(w.text for w in segment.words) == segment.text
            heard.append(transcript.text)
    await site.pending_becomes(0)
    assert jiwer.wer(list(texts.values()), heard) < 0.1


@dataclass
class Processes:
    """Transcribers as processes on the site's servers."""

    folder: Path
    nats: NatsFixture
    store: StoreSettings
    started: list[Process] = field(default_factory=list[Process])

    def start(self, **extra: str) -> Process:
        """Start one more."""
        nats = msgspec.structs.replace(self.nats.settings, ack_wait=ACK_WAIT)
        name = f"transcriber{len(self.started)}"
        # One chunk after another: with more at a time these recordings are done too soon.
        slow = {"ECHOBASE_BATCH_MAX": "1", "ECHOBASE_MODEL_WORKERS": "1"}
        process = transcriber(self.folder, nats, self.store, name=name, extra={**slow, **extra})
        process.start()
        self.started.append(process)
        return process


@pytest.fixture
def processes(
    nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path
) -> Iterator[Processes]:
    found = Processes(tmp_path, nats, store_settings)
    yield found
    for process in found.started:
        process.signal(signal.SIGCONT)
        process.kill()


def said(process: Process, words: str) -> Callable[[], Awaitable[bool | None]]:
    """Whether a record of its log has these words."""

    async def probe() -> bool | None:
        return True if any(words in message for message in messages(process)) else None

    return probe


def some_segments(site: Site, job: Job, count: int) -> Callable[[], Awaitable[VersionState | None]]:
    """The version, once it has so many segments."""

    async def probe() -> VersionState | None:
        state = await site.version(job)
        return state if len(state.segments) >= count else None

    return probe


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A minute of conversation: a score of chunks."""
    return excerpt("conversation.ogg", 60, tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def expected(
    demo: Engine, long: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Sequence[TranscriptSegment]:
    """What the long recording gives when nothing happens to it."""

    async def undisturbed() -> Sequence[TranscriptSegment]:
        bus = MemoryBus()
        await bus.ensure(topology())
        site = Site(bus, MemoryStore(), tmp_path_factory.mktemp("undisturbed"), DEMO)
        job = await site.submit(make_job(99), long)
        async with site.worker(demo):
            await site.finished(job)
        return (await site.transcript(job)).segments

    return asyncio.run(undisturbed())


async def test_a_worker_that_was_paused_too_long_touches_nothing(
    site: Site, long: bytes, expected: Sequence[TranscriptSegment], processes: Processes
) -> None:
    first = processes.start()
    job = await site.submit(make_job(), long)
    await eventually(some_segments(site, job, 3))
    first.signal(signal.SIGSTOP)
    processes.start()
    state = await site.finished(job)
    assert len(state.starts) == 2
    before = state.last_sequence
    first.signal(signal.SIGCONT)
    await eventually(said(first, "another worker owns the version"))
    state = await site.version(job)
    assert state.last_sequence == before
    assert [s.index for s in state.segments] == list(range(len(expected)))
    assert (await site.transcript(job)).segments == expected
    await site.pending_becomes(0)
    assert await site.dead() == []


async def test_a_killed_worker_leaves_its_chunks_to_the_next(
    site: Site, long: bytes, expected: Sequence[TranscriptSegment], processes: Processes
) -> None:
    job = await site.submit(make_job(), long)
    first = processes.start()
    await eventually(some_segments(site, job, 3))
    first.kill()
    processes.start()
    state = await site.finished(job)
    assert len(state.starts) == 2
    assert (await site.transcript(job)).segments == expected


async def test_a_polite_end_hands_back_at_once(
    site: Site, long: bytes, expected: Sequence[TranscriptSegment], processes: Processes
) -> None:
    job = await site.submit(make_job(), long)
    first = processes.start()
    await eventually(some_segments(site, job, 3))
    first.terminate()
    assert first.wait(GRACE)
    assert first.exit_code == 0
    assert "handed back" in messages(first)
    assert not (await site.version(job)).finished
    processes.start()
    state = await site.finished(job)
    assert (await site.transcript(job)).segments == expected
    assert len(state.starts) == 2


async def test_what_cannot_succeed_is_dead_and_the_next_is_transcribed(
    site: Site, processes: Processes
) -> None:
    bad = await site.submit(make_job(1), b"ffconcat version 1.0\nfile /etc/passwd\n")
    missing = await site.submit(make_job(2), None)
    good = await site.submit(make_job(3), sample("chest-pain.ogg"))
    process = processes.start()
    assert (await site.finished(good)).completed
    failed = [(await site.finished(job)).failed for job in (bad, missing)]
    assert [f.code for f in failed if f] == ["not-audio", "object-missing"]
    assert len(await site.dead()) == 2
    assert process.alive


async def test_health_banner_and_presence(site: Site, processes: Processes) -> None:
    process = processes.start()
    await eventually(said(process, "ready"))
    port = process.env["ECHOBASE_TRANSCRIBER_PORT"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/health") as client:
        for probe in ("live", "ready", "started"):
            assert (await client.get(f"/{probe}")).status_code == 200, probe
    assert any("small radio vocabulary" in message for message in messages(process))
    (worker,) = await site.bus.discover("transcriber")
    assert worker["model"] == "demo"
    assert worker["device"] == "cpu"
    assert "small radio vocabulary" in worker["notice"]


async def test_a_model_that_cannot_be_had_ends_the_start_in_one_line(
    processes: Processes,
) -> None:
    process = processes.start(
        WHISPER_MODEL_NAME="medium.en",
        ECHOBASE_OFFLINE="true",
        ECHOBASE_NATS_URL="nats://127.0.0.1:1",
    )
    assert await asyncio.to_thread(process.wait, 30)
    assert process.exit_code not in (0, None)
    (line,) = [text for text in process.last_lines() if not text.startswith("{")]
    assert "medium.en" in line
    assert "set WHISPER_MODEL_NAME to demo" in line


async def test_servers_that_are_away_at_the_start_are_waited_for(
    site: Site, nats: NatsFixture, processes: Processes
) -> None:
    job = await site.submit(make_job(), sample("chest-pain.ogg"))
    nats.kill()
    process = processes.start()
    await eventually(said(process, "model ready"))
    nats.start()
    assert (await site.finished(job)).completed


async def test_the_log_never_holds_what_was_said(site: Site, processes: Processes) -> None:
    process = processes.start(ECHOBASE_LOG_LEVEL="debug")
    job = await site.submit(make_job(), sample("chest-pain.ogg"))
    await site.finished(job)
    text = (await site.transcript(job)).text
    await eventually(said(process, "completed"))
    log = process.log.read_text()
    assert job.recording in log
    assert "oak" in text
    assert "oak" not in log


async def test_lanes_are_served_in_order(site: Site, demo: Engine) -> None:
    lanes: list[Lane] = ["backfill", "live", "urgent", "backfill", "urgent", "live"]
    jobs = [
        await site.submit(make_job(n, lane=lane), sample("backup.ogg"))
        for n, lane in enumerate(lanes)
    ]
    async with site.worker(demo, in_flight=1):
        started = [(await site.finished(job)).starts[0].time for job in jobs]
    in_order = [lane for _, lane in sorted(zip(started, lanes, strict=True))]
    assert in_order == ["urgent", "urgent", "live", "live", "backfill", "backfill"]


async def test_the_spans_of_a_job_belong_to_its_producers_trace(
    site: Site, processes: Processes
) -> None:
    job = make_job()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    message = job_message(job)
    headers = {**message.headers, "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    await site.store.put(job.audio, sample("hospital.ogg"))
    with Receiver() as receiver:
        # Searched for speech, short as it is: two chunks.
        process = processes.start(
            ECHOBASE_OTLP_ENDPOINT=receiver.endpoint, ECHOBASE_SEARCH_FROM="0"
        )
        await site.bus.publish(dataclasses.replace(message, headers=headers))
        await site.finished(job)
        await eventually(nothing_pending(site))
        process.terminate()
        assert await asyncio.to_thread(process.wait, GRACE)
        spans = [span for service, span in receiver.spans() if service == "echobase-transcriber"]
    ours = [span for span in spans if span.trace_id.hex() == trace_id]
    names = [span.name for span in ours]
    assert names.count("model") == 2
    for name in ("process echobase.jobs.live", "fetch", "decode", "vad"):
        assert names.count(name) == 1, names
    (consumer,) = [span for span in ours if span.kind == Span.SPAN_KIND_CONSUMER]
    for name in ("fetch", "decode", "vad", "model"):
        assert all(s.parent_span_id == consumer.span_id for s in ours if s.name == name)
    assert not [span for span in spans if job.recording in span.name]
    assert {
        "messaging.process.duration",
        "echobase.transcriber.audio",
        "echobase.transcriber.real_time_factor",
    } <= {metric.name for metric in receiver.metrics()}


def nothing_pending(site: Site) -> Callable[[], Awaitable[bool | None]]:
    """Whether every job is acknowledged."""

    async def probe() -> bool | None:
        return True if await site.pending() == 0 else None

    return probe
