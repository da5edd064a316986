"""`make dev`: what is saved is live in seconds, and nothing is lost by it."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from shared.client import Client
from shared.messages import Event, Segment, Started
from tests.acceptance.test_words import CALL, fields
from tests.support.developed import DevelopedStack
from tests.support.stack import PATIENCE, followed, words
from tests.support.transcribing import excerpt

pytestmark = pytest.mark.stack

_log = logging.getLogger(__name__)
LINE = "# saved"
GOES_ON = "not loaded: what ran before goes on, until the next save"
NOTHING_RUNS = "not loaded: nothing runs, until the next save"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopedStack]:
    """A stack that each test leaves running."""
    running = DevelopedStack(tmp_path_factory.mktemp("dev"))
    try:
        running.start()
        running.wait(lambda: running.loads == 1, "the model")
        yield running
    finally:
        code = running.stop()
    assert code == 0


def test_a_saved_file_of_stream_is_live(dev: DevelopedStack) -> None:
    before = dev.count()
    dev.edit("services/stream/app.py", "What is transcribed, live", "What is transcribed, LIVE")
    took = dev.until_reloaded(before, "stream")
    _log.info("stream: ready %.2f s after the save", *took)
    assert "transcribed, LIVE" in get(dev, "/openapi.json").text
    assert changed(before, dev.count()) == {"stream"}


def test_the_page_is_fresh_without_a_restart(dev: DevelopedStack) -> None:
    before = dev.count()
    dev.edit("services/stream/page/index.html", "<title>", "<title>Changed: ")
    page = get(dev, "/")
    assert "<title>Changed: " in page.text
    assert page.headers["cache-control"] == "no-store"
    assert dev.count() == before


def test_the_model_stays_loaded_when_other_code_was_saved(dev: DevelopedStack) -> None:
    before, loads = dev.count(), dev.loads
    dev.append("shared/messages.py", LINE)
    took = dev.until_reloaded(before, "ingest", "stream", "transcriber")
    _log.info("all three: ready %s s after the save", took)
    assert dev.loads == loads
    dev.append("services/transcriber/whisper.py", LINE)
    dev.until_reloaded(dev.count(), "transcriber")
    dev.wait(lambda: dev.loads == loads + 1, "another model")


def test_a_file_that_does_not_compile_is_shown_and_the_old_code_stays(dev: DevelopedStack) -> None:
    before, refused = dev.count(), dev.said.count(GOES_ON)
    dev.append("services/ingest/room.py", "def (")
    dev.wait(lambda: dev.said.count(GOES_ON) > refused, "refusal")
    assert "services/ingest/room.py" in dev.said
    assert "ingest: SyntaxError: invalid syntax" in dev.said
    assert dev.answers("ingest")
    assert dev.count() == before
    dev.edit("services/ingest/room.py", "def (", LINE)
    dev.until_reloaded(before, "ingest")


def test_code_that_ends_at_once_is_tried_again_at_the_next_save(dev: DevelopedStack) -> None:
    before = dev.count()
    at = "    nats = life.load(NatsSettings)\n    link ="
    broken = at.replace("    link =", '    raise RuntimeError("broken")\n    link =')
    dev.edit("services/stream/__main__.py", at, broken)
    dev.wait(lambda: NOTHING_RUNS in dev.said, "refusal")
    assert "stream: it ended before it was ready: exit code 1" in dev.said
    dev.edit("services/stream/__main__.py", broken, at)
    dev.until_reloaded(before, "stream")
    assert get(dev, "/health/ready").status_code == 200


async def test_a_recording_loses_nothing_while_its_transcriber_is_reloaded(
    dev: DevelopedStack, tmp_path: Path
) -> None:
    at = "            await self._shop.patience.finish(self.writer.publish_all(events))"
    slow = f"            await asyncio.sleep(0.5)\n{at}"
    before, loads = dev.count(), dev.loads
    path = tmp_path / "long.wav"
    path.write_bytes(excerpt("conversation.ogg", 45, tmp_path))
    async with Client(dev.addresses) as client, asyncio.timeout(PATIENCE):
        undisturbed = [e async for e in followed(client, await client.upload(path, fields()))]
        # So that there is a middle to reload in, however quick the machine is.
        dev.edit("services/transcriber/attempt.py", at, slow)
        await asyncio.to_thread(dev.until_reloaded, before, "transcriber")
        before = dev.count()
        accepted = await client.upload(path, fields())
        events: list[Event] = []
        async for event in followed(client, accepted):
            if isinstance(event, Segment) and not any(isinstance(e, Segment) for e in events):
                dev.edit("services/transcriber/attempt.py", slow, at)
            events.append(event)
    # Chunks run ahead: the one that was told to end may have had all of them in hand.
    assert len([event for event in events if isinstance(event, Started)]) in (1, 2)
    assert words(events) == words(undisturbed)
    took = dev.until_reloaded(before, "transcriber")
    _log.info("transcriber: ready %.2f s after the save, in the middle of a recording", *took)
    assert dev.loads == loads


async def test_an_upload_that_is_open_while_ingest_is_reloaded_is_accepted(
    dev: DevelopedStack,
) -> None:
    before, audio = dev.count(), CALL.path.read_bytes()
    stopping = said(dev, "ingest", '"stopping"')
    reader, writer = await asyncio.open_connection("127.0.0.1", dev.ports["INGEST"])
    head = f"Host: localhost\r\nConnection: close\r\nContent-Length: {len(audio)}\r\n\r\n"
    writer.write(f"POST /v1/recordings HTTP/1.1\r\n{head}".encode() + audio[:1000])
    await writer.drain()
    await asyncio.to_thread(dev.wait, lambda: any_incoming(dev), "the upload's beginning")
    dev.append("services/ingest/reception.py", LINE)
    await asyncio.to_thread(
        dev.wait, lambda: said(dev, "ingest", '"stopping"') > stopping, "the end of the old code"
    )
    writer.write(audio[1000:])
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 202 ")
    await asyncio.to_thread(dev.until_reloaded, before, "ingest")


def get(dev: DevelopedStack, path: str) -> httpx.Response:
    """What stream answers."""
    return httpx.get(f"{dev.addresses.stream}{path}", trust_env=False)


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """The services that were reloaded in between."""
    return {name for name in before if before[name] != after[name]}


def said(dev: DevelopedStack, service: str, what: str) -> int:
    """How often a service's log says something."""
    return (dev.data / "logs" / f"{service}.log").read_text().count(what)


def any_incoming(dev: DevelopedStack) -> bool:
    """Whether ingest has begun to take an upload."""
    return any((dev.data / "spool" / "incoming").rglob("audio"))
