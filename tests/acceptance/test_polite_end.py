"""The end of a service: the first signal lets it finish what is in hand, the second ends it at
once, and neither loses anything."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from deploy.local.samples import samples
from shared.client import Accepted, Client
from shared.messages import Segment, Started
from tests.chaos.stack import Stack
from tests.soak.door import read
from tests.support.stack import words
from tests.support.transcriber_process import log_records
from tests.support.transcribing import excerpt
from tests.support.unsupervised import client_of, events_of, submit, unsupervised, until_logged

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")
LONGEST = max(samples(), key=lambda sample: sample.duration)
_log = logging.getLogger(__name__)
NEVER = "600"
"""Seconds for ECHOBASE_ACK_WAIT, longer than any test: what is not handed back, nobody gets."""
TWICE = (signal.SIGTERM, signal.SIGTERM)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """The servers; each test starts the services that it wants."""
    async with unsupervised(tmp_path, services=()) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with client_of(stack) as client:
        yield client


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A score of chunks."""
    path = tmp_path / "long.wav"
    path.write_bytes(excerpt("conversation.ogg", 45, tmp_path))
    return path


async def test_a_handed_back_job_is_another_workers_at_once(stack: Stack, client: Client) -> None:
    await start(stack, "ingest", "stream", "transcriber-a", ack_wait=NEVER)
    accepted = await submit(client, LONGEST.path)
    following = asyncio.create_task(events_of(client, accepted))
    await until_logged(stack, "transcriber-a", "decoding", 2)
    # Frozen meanwhile: a quick machine would be through before the other worker is there.
    stack.process("transcriber-a").signal(signal.SIGSTOP)
    await start(stack, "transcriber-b", ack_wait=NEVER)
    stack.process("transcriber-a").terminate()
    stack.process("transcriber-a").signal(signal.SIGCONT)
    assert await ended(stack, "transcriber-a") == 0
    events, gaps = await following
    assert gaps == []
    assert words(events)
    before, after = decoded(stack, "transcriber-a"), decoded(stack, "transcriber-b")
    again = [type(event) for event in events].index(Started, 2)
    published = {e.chunk for e in events[:again] if isinstance(e, Segment)}
    # Those that the model had begun with were finished, and the other worker went on behind them.
    assert published
    assert published == set(range(len(published)))
    assert published <= set(before)
    assert after
    assert sorted(after) == list(range(len(published), len(published) + len(after)))
    [stopping] = times(stack, "transcriber-a", "stopping")
    [handed_back] = times(stack, "transcriber-a", "handed back")
    [claimed] = times(stack, "transcriber-b", "claimed")
    assert stopping <= handed_back
    _log.info("from hand to hand in %.3f s", (claimed - handed_back).total_seconds())


@pytest.mark.parametrize("signals", [(signal.SIGTERM,), TWICE], ids=["one", "two"])
async def test_a_transcriber_that_is_told_to_end_loses_no_word(
    stack: Stack, client: Client, long: Path, signals: Sequence[signal.Signals]
) -> None:
    await start(stack, "ingest", "stream", "transcriber-a")
    expected = words((await events_of(client, await submit(client, long)))[0])
    accepted = await submit(client, long)
    following = asyncio.create_task(events_of(client, accepted))
    await until_logged(stack, "transcriber-a", "decoding", len(decoded(stack, "transcriber-a")) + 2)
    code = await tell(stack, "transcriber-a", signals)
    assert code == (0 if len(signals) == 1 else -signal.SIGTERM)
    await start(stack, "transcriber-b")
    events, gaps = await following
    assert (words(events), gaps) == (expected, [])
    assert (await client.transcript(accepted.id)).text == expected


async def test_ingest_finishes_the_uploads_that_are_open(stack: Stack, client: Client) -> None:
    await start(stack, "ingest", "stream", "transcriber-a")
    async with half_sent(stack, CALL.path.read_bytes()) as upload:
        stack.process("ingest").terminate()
        await until_logged(stack, "ingest", "stopping")
        accepted = await upload.finish()
    assert await ended(stack, "ingest") == 0
    await start(stack, "ingest")
    assert words((await events_of(client, accepted))[0]) == CALL.text


async def test_ingest_that_is_told_twice_ends_at_once_and_keeps_what_it_accepted(
    stack: Stack, client: Client
) -> None:
    await start(stack, "ingest", "stream")
    kept = [await submit(client, CALL.path, channel=str(number)) for number in range(5)]
    async with half_sent(stack, CALL.path.read_bytes()):
        assert await tell(stack, "ingest", TWICE) == -signal.SIGTERM
    await start(stack, "ingest", "transcriber-a")
    for accepted in kept:
        assert words((await events_of(client, accepted))[0]) == CALL.text
    # What is forwarded is put there, too, for the moment in which it is removed.
    async with asyncio.timeout(60.0):
        while list((stack.spool / "incoming").iterdir()):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("signals", [(signal.SIGTERM,), TWICE], ids=["one", "two"])
async def test_readers_of_a_stream_that_ends_go_on_where_they_were(
    stack: Stack, client: Client, long: Path, signals: Sequence[signal.Signals]
) -> None:
    await start(stack, "ingest", "stream", "transcriber-a")
    accepted = await submit(client, long)
    begun = asyncio.Event()
    readers = [
        asyncio.create_task(events_of(client, accepted, lambda _: begun.set())) for _ in range(5)
    ]
    await begun.wait()
    code = await tell(stack, "stream", signals)
    # With nothing in hand but streams it may be gone before the second signal.
    assert code == 0 if len(signals) == 1 else code in (0, -signal.SIGTERM)
    await start(stack, "stream")
    (first, gaps), *others = await asyncio.gather(*readers)
    assert gaps == []
    assert words(first)
    assert others == [(first, [])] * 4


async def start(stack: Stack, *names: str, ack_wait: str = "3") -> None:
    """Start services; `ack_wait` in seconds."""
    for name in names:
        stack.process(name).env["ECHOBASE_ACK_WAIT"] = ack_wait
    await stack.start(*names)


async def tell(stack: Stack, name: str, signals: Sequence[signal.Signals]) -> int | None:
    """The exit code of a process that is sent signals, each after it has said that it stops."""
    for number in signals:
        stack.process(name).signal(number)
        await until_logged(stack, name, "stopping")
    return await ended(stack, name)


async def ended(stack: Stack, name: str) -> int | None:
    """The exit code of a process that is ending."""
    assert await asyncio.to_thread(stack.process(name).wait, 60.0)
    return stack.process(name).exit_code


def decoded(stack: Stack, name: str) -> list[int]:
    """The chunks that a transcriber has decoded, in order."""
    records = log_records(stack.process(name))
    return [int(str(each["chunk"])) for each in records if each["message"] == "decoding"]


def times(stack: Stack, name: str, message: str) -> list[datetime]:
    """When a process has logged a message."""
    return [
        datetime.fromisoformat(str(each["time"]))
        for each in log_records(stack.process(name))
        if each["message"] == message
    ]


class HalfSent:
    """An upload of which one half is sent."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, half: bytes
    ) -> None:
        self._reader, self._writer, self._half = reader, writer, half

    async def finish(self) -> Accepted:
        """Send the other half; what is answered."""
        self._writer.write(self._half)
        await self._writer.drain()
        answer = read(await self._reader.read())
        assert answer.status == 202, answer
        return msgspec.json.decode(answer.body, type=Accepted)


@asynccontextmanager
async def half_sent(stack: Stack, audio: bytes) -> AsyncGenerator[HalfSent]:
    """An upload that ingest is in the middle of."""
    port = stack.ports["ingest"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"Host: localhost\r\nConnection: close\r\nContent-Length: {len(audio)}\r\n"
    half = len(audio) // 2
    writer.write(f"POST /v1/recordings HTTP/1.1\r\n{head}\r\n".encode() + audio[:half])
    await writer.drain()
    incoming = stack.spool / "incoming"
    async with asyncio.timeout(60.0):
        while not any(incoming.rglob("audio")):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
    try:
        yield HalfSent(reader, writer, audio[half:])
    finally:
        writer.close()
