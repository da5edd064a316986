"""The commands find the running stack by its data folder, its broker and its key included."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from deploy.local.samples import samples
from shared.client import Client
from tests.support.stack import RunningStack, events_of

pytestmark = pytest.mark.stack
CALL = next(sample for sample in samples() if sample.file == "on-scene.ogg")


async def test_the_dead_letters_are_found(stack: RunningStack) -> None:
    found = await asyncio.to_thread(stack.run, "dead", "list", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    places = {msgspec.json.decode(line)["place"] for line in found.stdout.splitlines()}
    assert places <= {"dead", "spool"}


async def test_a_recording_is_transcribed_again(stack: RunningStack, client: Client) -> None:
    start = datetime.now(UTC).isoformat(timespec="milliseconds")
    source = uuid4().hex
    accepted = await client.upload(CALL.path, {"source": source, "start": start})
    await events_of(client, accepted)
    first = await client.transcript(accepted.id, 1)
    again = ("retranscribe", "--source", source, "--words", "--lane", "urgent")
    found = await asyncio.to_thread(stack.run, *again)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "1 recordings: 1 accepted, 0 known, 0 failed\n"
    await events_of(client, msgspec.structs.replace(accepted, version=2))
    second = await client.transcript(accepted.id, 2)
    assert second.text == first.text
    assert all(segment.words for segment in second.segments)
    assert not any(segment.words for segment in first.segments)
