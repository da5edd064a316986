"""Submissions over a real nats-server, with a real S3 store: taken once, or refused aloud."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from services.ingest.dead_letters import letters
from services.ingest.dead_replay import replay
from shared import object_keys, subjects
from shared.bus import Message
from shared.envelope import DEAD_CODE
from shared.errors import BusUnavailable
from shared.messages import Job, Recording, decode
from shared.nats_bus import NatsBus
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support import audio_files
from tests.support.ingest import Ingest, files, jobs, serving, until
from tests.support.ingest_process import Service
from tests.support.nats_buses import until as eventually
from tests.support.reached import reached
from tests.support.servers import NatsFixture
from tests.support.submitting import dead, inline, queued, refused, stored, submit, waiting

pytestmark = pytest.mark.servers

LONG = 60.0
"""Seconds."""


async def ready(bus: NatsBus, store: S3Store) -> None:
    """Wait until what ingest makes is there."""
    await store.ensure()

    async def made() -> bool:
        try:
            await waiting(bus)
        except BusUnavailable:
            return False
        return True

    await eventually(made)


async def none(what: Callable[[], Awaitable[Sequence[object]]]) -> None:
    """Wait until there is nothing of it."""
    async with asyncio.timeout(LONG):
        while await what():  # noqa: ASYNC110 - a server has no event to wait for
            await asyncio.sleep(0.05)


async def settled(bus: NatsBus) -> None:
    """Wait until nothing waits in SUBMIT."""
    await none(lambda: waiting(bus))


async def inbox(store: S3Store) -> list[str]:
    """What lies in the inbox."""
    return [item.key async for item in store.list("inbox/")]


async def forwarded(ingest: Ingest) -> None:
    """Wait until nothing waits in the spool."""
    await until(lambda: not any(held.waiting for held in ingest.spool.held), LONG)


async def test_inline_and_inbox_become_recordings(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus) as ingest,
    ):
        await ready(bus, store)
        sent: dict[str, bytes] = {}
        for n in range(6):
            content = audio_files.wav(0.5, pitch=400 + n)
            said = {"correlation_id": f"call-{n}", "metadata": {"n": n}, "channel": "Kanal Süd"}
            if n % 2:
                key = f"inbox/2026/Süd {n} (é+&).wav"
                await store.put(key, content, content_type="audio/wav")
                data = stored(key, **said)
            else:
                data = inline(content, **said)
            sent[f"call-{n}"] = content
            for _ in range(2):
                await submit(bus, data, channel="Kanal Süd")
        await settled(bus)
        await forwarded(ingest)
        found = [decode(m.data, Job) for m in await jobs(bus)]
        assert sorted(str(job.correlation_id) for job in found) == sorted(sent)
        for job in found:
            assert await store.get(job.audio) == sent[str(job.correlation_id)]
            record = decode(await store.get(object_keys.record(job.recording)), Recording)
            assert (record.channel, record.metadata) == ("Kanal Süd", job.metadata)
            assert record.correlation_id == job.correlation_id
        assert sorted(str(event.correlation_id) for event in await queued(bus)) == sorted(sent)
        assert await refused(bus) == []
        await none(lambda: inbox(store))


BAD = [
    b"no JSON",
    b"\x00\xff" * 100,
    b'{"version": 99}',
    inline(b"text and no audio"),
    inline(bytes(530_000)),
    inline(audio_files.wav(), lane="express"),
    inline(audio_files.wav(), source="elsewhere"),
    stored("inbox/gone.wav"),
    stored("inbox/text.wav"),
    *(
        stored(key)
        for key in ("../a", "inbox/../a", "/etc/passwd", "inbox/%2e%2e/a", "", "recordings/a")
    ),
]

ODD = ("a\x7fb", "\x7f", "S\u00fcd", "\x01", "\ufffd", "x" * 100)
"""What a subject may hold, and no name encodes to."""


async def test_what_is_refused_is_said_and_the_next_is_taken(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus) as ingest,
    ):
        await ready(bus, store)
        await store.put("inbox/text.wav", b"text and no audio")
        told = {"correlation_id": "bad", "metadata": {"a": 1}}
        for data in BAD:
            said = {**json.loads(data), **told} if data.startswith(b"{") else None
            await submit(bus, json.dumps(said).encode() if said else data, Some="header")
        for token in ODD:
            await bus.publish(Message(f"echobase.submit.{token}.fire", BAD[0]))
        await settled(bus)
        events = await refused(bus)
        assert len(events) == len(BAD) + len(ODD)
        letters = await dead(bus)
        assert sorted(m.headers[DEAD_CODE] for m in letters) == sorted(e.code for e in events)
        assert [e.correlation_id for e in events].count("bad") == len(BAD) - 2
        assert files(tmp_path) == []
        assert [item.key async for item in store.list("")] == ["inbox/text.wav"]
        assert await jobs(bus) == []
        await submit(bus, inline(audio_files.wav()))
        await settled(bus)
        await forwarded(ingest)
        assert len(await jobs(bus)) == 1


async def test_a_message_beyond_the_limit_is_refused_to_its_publisher(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus),
    ):
        await ready(bus, store)
        subject = subjects.submission("county", "fire")
        with pytest.raises(BusUnavailable, match="size"):
            await bus.publish(Message(subject, bytes(897 * 1024)))
        # The largest that is stored fits the dead letters too.
        await bus.publish(Message(subject, bytes(890 * 1024), {"h": "x" * 4096}))
        await settled(bus)
        assert len(await refused(bus)) == len(await dead(bus)) == 1


async def test_killed_again_and_again_it_takes_each_once(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    chance = random.Random(7)
    settings = msgspec.structs.replace(nats.settings, ack_wait=1.0)
    service = Service(tmp_path, settings, store_settings)
    sent: set[str] = set()
    try:
        async with reached(settings, store_settings) as (bus, store):
            await store.ensure()
            await eventually(bus.ready)
            await bus.ensure(topology(ack_wait=1.0))
            for n in range(24):
                content = audio_files.wav(0.2, pitch=400 + n)
                said = {"correlation_id": f"call-{n}"}
                key = f"inbox/{n}.wav"
                if n % 2:
                    await store.put(key, content)
                await submit(bus, stored(key, **said) if n % 2 else inline(content, **said))
                sent.add(f"call-{n}")
            async with asyncio.timeout(2 * LONG):
                while await waiting(bus):
                    await service.start()
                    await asyncio.sleep(chance.uniform(0.1, 0.5))
                    await service.end()
            await service.start()
            await none(lambda: inbox(store))
            await until(lambda: _forwarded(tmp_path) == len(sent), LONG)
            found = [decode(m.data, Job).correlation_id for m in await jobs(bus)]
            assert sorted(map(str, found)) == sorted(sent)
            assert len(await queued(bus)) == len(sent)
            assert await refused(bus) == await dead(bus) == []
    finally:
        await service.end()


async def test_a_dead_letter_is_submitted_again_by_its_replay(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus) as ingest,
    ):
        await ready(bus, store)
        await submit(bus, stored("inbox/late.wav", correlation_id="call-1"))
        await settled(bus)
        [letter] = await letters(bus)
        assert (letter.code, letter.service) == ("object-missing", "ingest")
        await store.put("inbox/late.wav", audio_files.wav())
        await replay(bus, letter)
        await settled(bus)
        await forwarded(ingest)
        assert [event.correlation_id for event in await queued(bus)] == ["call-1"]
        assert await dead(bus) == []
        assert len(await refused(bus)) == 1


def _forwarded(folder: Path) -> int:
    return sum(name.endswith("forwarded.json") for name in files(folder / "data"))
