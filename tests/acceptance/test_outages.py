"""NATS, the S3 store or both are gone: at the start of the services, or in the middle of work, for
longer than every timeout. Nobody starts the services again: they wait and go on by themselves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from deploy.local.samples import samples
from shared.messages import Event, Segment
from tests.chaos.stack import SERVERS, Stack
from tests.support.stack import words
from tests.support.transcribing import excerpt
from tests.support.unsupervised import (
    SERVICES,
    client_of,
    events_of,
    logged,
    repeated,
    submit,
    taken,
    unsupervised,
    until_logged,
)

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")
AWAY = 7.0
"""Seconds; longer than a request to NATS may take, than every pause between two attempts, and than
the time after which a job is another worker's."""
FROZEN = 32.0
"""Seconds; longer than a call waits for a store that took the connection and says nothing."""
GONE = pytest.mark.parametrize(
    "gone", [("nats-server",), ("store",), SERVERS], ids=["nats", "store", "both"]
)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """All of them, running."""
    async with unsupervised(tmp_path) as stack:
        yield stack


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of conversation."""
    folder = tmp_path_factory.mktemp("long")
    path = folder / "long.wav"
    path.write_bytes(excerpt("conversation.ogg", 30, folder))
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, long: Path) -> str:
    """What it says when nothing happens."""

    async def undisturbed(folder: Path) -> str:
        async with unsupervised(folder) as stack, client_of(stack) as client:
            return words((await events_of(client, await submit(client, long)))[0])

    return asyncio.run(undisturbed(tmp_path_factory.mktemp("undisturbed")))


@GONE
async def test_services_that_start_without_their_servers_go_on_when_these_come(
    tmp_path: Path, gone: Sequence[str]
) -> None:
    there = [name for name in SERVERS if name not in gone]
    async with unsupervised(tmp_path, there, services=()) as stack, client_of(stack) as client:
        with taken(stack, *gone):
            stack.process("transcriber-a").start()
            await stack.start("ingest", "stream")
            accepted = await submit(client, CALL.path)
            following = asyncio.create_task(events_of(client, accepted))
            await asyncio.sleep(AWAY)
            assert not following.done()
        await stack.start(*gone)
        events, gaps = await following
        assert words(events) == CALL.text
        assert gaps == []
        one_word_for_each_change(stack, gone, "waiting for NATS at")


@GONE
async def test_servers_that_go_in_the_middle_of_work_are_waited_for(
    stack: Stack, long: Path, expected: str, gone: Sequence[str]
) -> None:
    begun = asyncio.Event()

    def note(event: Event) -> None:
        if isinstance(event, Segment):
            begun.set()

    async with client_of(stack) as client:
        accepted = await submit(client, long)
        following = asyncio.create_task(events_of(client, accepted, note))
        await begun.wait()
        for name in gone:
            stack.kill(name)
        during = await submit(client, CALL.path)
        await asyncio.sleep(AWAY)
        await stack.start(*gone)
        events, gaps = await following
        assert words(events) == expected
        assert gaps == []
        assert words((await events_of(client, during))[0]) == CALL.text
    one_word_for_each_change(stack, gone, "lost NATS at")


async def test_servers_that_freeze_for_longer_than_every_timeout_are_waited_for(
    stack: Stack, long: Path, expected: str
) -> None:
    async with client_of(stack) as client:
        accepted = await submit(client, long)
        following = asyncio.create_task(events_of(client, accepted))
        await until_logged(stack, "transcriber-a", "decoding", 2)
        for name in SERVERS:
            stack.freeze(name)
        during = await submit(client, CALL.path)
        await asyncio.sleep(FROZEN)
        for name in SERVERS:
            stack.thaw(name)
        events, gaps = await following
        assert words(events) == expected
        assert gaps == []
        assert words((await events_of(client, during))[0]) == CALL.text
    one_word_for_each_change(stack, SERVERS, "lost NATS at")


def one_word_for_each_change(stack: Stack, gone: Sequence[str], first: str) -> None:
    """Nobody ended, and each service said once what is away, and once that it is back."""
    assert stack.unexpected_ends() == ["transcriber-b"]
    assert repeated(stack, *SERVICES) == {}
    for name in SERVICES:
        told = logged(stack, name, logger="shared.nats_link")
        expected = [first, "NATS at"] if "nats-server" in gone else []
        assert len(told) == len(expected), told
        for message, begin in zip(told, expected, strict=True):
            assert message.startswith(begin), told
