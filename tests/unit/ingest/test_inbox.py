"""Objects under `inbox/`: removed when they are ours and safe, and never before."""

import asyncio
from pathlib import Path

import pytest

from shared.errors import BusUnavailable
from shared.topology import submissions
from tests.support import audio_files
from tests.support.ingest import files, jobs, until
from tests.support.ingest_lives import World, forwarded, process, settled
from tests.support.submitting import refused, stored, submit, waiting

WAV = audio_files.wav()
KEY = "inbox/call.wav"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "spool")


async def test_two_objects_of_one_call_are_both_removed(world: World) -> None:
    async with process(world) as ingest:
        for name in ("inbox/a.wav", "inbox/b.wav"):
            world.store.objects[name] = WAV
            await submit(world.bus, stored(name))
        await settled(world)
        await forwarded(ingest)
        await until(lambda: not world.objects("inbox/"))
    assert len(await jobs(world.bus)) == 1


async def test_a_death_between_spool_and_acknowledgment_takes_it_once(world: World) -> None:
    async with process(world, looping=False) as ingest:
        world.store.objects[KEY] = WAV
        await submit(world.bus, stored(KEY))
        (delivery,) = await world.bus.fetch(submissions(), 1, 1.0)

        class Lost:
            message = delivery.message
            attempt = delivery.attempt
            hand_back = delivery.hand_back
            keep_alive = delivery.keep_alive

            async def ack(self) -> None:
                raise BusUnavailable("as planned")

        await ingest.taken.handle(world.bus, Lost())
        await forwarded(ingest)
        # The object stays for as long as somebody may be given the message.
        await asyncio.sleep(1.2)
        assert world.objects("inbox/") == [KEY]
    async with process(world, keep=0.0):
        world.now += 31.0
        await settled(world)
        await until(lambda: not world.objects("inbox/"))
        await until(lambda: files(world.folder) == [])
    assert len(await jobs(world.bus)) == 1
    assert await refused(world.bus) == []


async def test_an_object_stays_while_its_recording_is_only_in_the_spool(world: World) -> None:
    async with process(world, forwards=False):
        world.store.objects[KEY] = WAV
        await submit(world.bus, stored(KEY))
        await settled(world)
        await asyncio.sleep(1.2)
        assert world.objects("inbox/") == [KEY]
    async with process(world):
        await until(lambda: not world.objects("inbox/"))


@pytest.mark.parametrize("more", [b"", b"more"])
async def test_an_object_that_was_put_again_is_left_alone(world: World, more: bytes) -> None:
    async with process(world, forwards=False):
        world.store.objects[KEY] = bytes(bytearray(WAV))
        await submit(world.bus, stored(KEY))
        await settled(world)
        before = world.store.objects[KEY]
        world.store.objects[KEY] = bytes(bytearray(WAV + more))
    async with process(world, keep=0.0):
        await until(lambda: files(world.folder) == [])
        assert world.objects("inbox/") == [KEY]
    assert before[: len(WAV)] == WAV


async def test_a_message_that_waited_longer_than_anything_is_kept_is_known(world: World) -> None:
    async with process(world, looping=False, keep=0.0) as ingest:
        world.store.objects[KEY] = WAV
        await submit(world.bus, stored(KEY))
        await submit(world.bus, stored(KEY))
        await ingest.take()
        await until(lambda: not world.objects("inbox/"))
        await asyncio.sleep(1.2)
        await ingest.take()
        await until(lambda: files(world.folder) == [])
    assert len(await jobs(world.bus)) == 1
    assert await waiting(world.bus) == await refused(world.bus) == []
