"""The transcriber with its real model on a real nats-server and a real S3 server."""

from collections.abc import AsyncIterator
from pathlib import Path

import jiwer
import msgspec
import pytest

from services.transcriber.engine import Engine
from services.transcriber.engines import load_own
from shared.messages import Options
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings, TranscriberSettings
from shared.topology import topology
from tests.support.servers import NatsFixture
from tests.support.transcribing import Site, make_job, sample, sample_texts

pytestmark = pytest.mark.servers
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
    ack_wait = 2.0
    bus = await connect(msgspec.structs.replace(nats.settings, ack_wait=ack_wait), "test")
    store = S3Store(store_settings)
    await bus.ensure(topology(ack_wait=ack_wait))
    await store.ensure()
    yield Site(bus, store, tmp_path, DEMO, ack_wait)
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
    assert await site.pending() == 0
    assert jiwer.wer(list(texts.values()), heard) < 0.1
