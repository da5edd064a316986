"""Forwarding: in order, several at a time, nobody blocked by another."""

import asyncio
from pathlib import Path

import pytest

from services.ingest.delivery import LastEvent, Step, next_step
from services.ingest.forwarder import Backlog, Forwarder
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from services.ingest.versions import claim
from shared import object_keys
from shared.bus import Message
from shared.envelope import event_message
from shared.errors import BusUnavailable, StoreRefused, StoreUnavailable
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Failed, Job, Options, decode, decode_event
from shared.object_store import StoredObject
from shared.topology import Topology, topology
from tests.support.forwarding import all_forwarded, check_done, forwarding
from tests.support.ingest import NOON, entry, events, files, jobs, open_spool, put_in, until


async def test_a_job_that_a_worker_has_taken_is_not_published_again(tmp_path: Path) -> None:
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path)
    await bus.ensure(topology())
    wanted = entry(b"audio")
    await claim(store, wanted)
    queued = wanted.queued(1, NOON)
    for event in (queued, queued):
        await bus.publish(event_message(event))
    # Any later event than the first means that the job was there.
    await bus.publish(
        Message(
            event_message(queued).subject.removesuffix("queued") + "started",
            b"{}",
        )
    )
    held = await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    assert await jobs(bus) == []
    assert held.version == 1
    spool.close()


@pytest.mark.parametrize(
    ("ours", "last_event", "has_transcript", "expected"),
    [
        (True, None, False, "announce"),
        (False, None, False, "announce"),
        (False, None, True, "nothing"),
        (True, None, True, "nothing"),
        (True, "queued", False, "publish"),
        (False, "queued", False, "nothing"),
        (True, "started", False, "nothing"),
        (True, "segment", False, "nothing"),
        (True, "completed", False, "nothing"),
        (False, "completed", False, "nothing"),
        (True, "failed", False, "nothing"),
        (True, "failed by ingest", False, "announce"),
        (False, "failed by ingest", False, "announce"),
    ],
)
def test_what_is_left_to_do(
    ours: bool, last_event: str | None, has_transcript: bool, expected: Step
) -> None:
    kind, _, teller = (last_event or "").partition(" by ")
    last = LastEvent(kind, 7, by_ingest=teller == "ingest") if kind else None
    assert next_step(ours, last, has_transcript) == expected


async def test_the_same_recording_sent_later_is_known_and_makes_no_job(tmp_path: Path) -> None:
    store, bus = MemoryStore(), MemoryBus()
    for node in ("one", "two"):
        spool = open_spool(tmp_path / node)
        held = await put_in(spool, b"audio", minute=0 if node == "one" else 5)
        async with forwarding(spool, store, bus):
            await until(all_forwarded(spool))
        assert (held.version, held.known) == (1, node == "two")
        spool.close()
    await check_done(store, bus, b"audio")


async def test_other_options_make_another_version_with_a_job_of_its_own(tmp_path: Path) -> None:
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path)
    await put_in(spool, b"audio")
    await put_in(spool, b"audio", options=Options(words=True))
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    found = [decode(job.data, Job) for job in await jobs(bus)]
    assert sorted((job.version, job.options.words) for job in found) in (
        [(1, False), (2, True)],
        [(1, True), (2, False)],
    )
    spool.close()


async def test_urgent_comes_first_then_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.forwarder.WIDTH", 1)
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path)
    held = [
        await put_in(spool, f"{minute}".encode(), lane, minute=10 - minute)
        for minute, lane in enumerate(("backfill", "live", "urgent") * 3)
    ]
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    order = [decode_event(event.data).recording for event in await events(bus)]
    expected = sorted(held, key=lambda each: each.entry.priority)
    assert order == [each.entry.recording.id for each in expected]
    spool.close()


async def test_the_backlog_tells_what_waits(tmp_path: Path) -> None:
    store, spool = MemoryStore(), open_spool(tmp_path)
    store.away = True
    for n in range(3):
        await put_in(spool, f"{n}".encode())
    async with forwarding(spool, store, MemoryBus()) as forwarder:
        await until(lambda: all(held.attempts > 2 for held in spool.held))
        backlog = forwarder.backlog()
        assert (backlog.count, backlog.size) == (3, spool.room.used)
        assert backlog.age > 0
        store.away = False
        await until(all_forwarded(spool))
        assert forwarder.backlog() == Backlog(0, 0, 0.0)
    spool.close()


class Poisoned(MemoryStore):
    """A store that has trouble with one recording."""

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__()
        self._poison = key
        self._error = error

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        if key == self._poison:
            raise self._error
        await super().put_file(key, path, content_type=content_type)


@pytest.mark.parametrize("error", [StoreUnavailable("always"), RuntimeError("a fault of ours")])
async def test_one_entry_that_fails_blocks_nobody(tmp_path: Path, error: Exception) -> None:
    poison = entry(b"poison")
    store, bus, spool = Poisoned(poison.recording.audio, error), MemoryBus(), open_spool(tmp_path)
    held = await put_in(spool, b"poison", "urgent")
    async with forwarding(spool, store, bus) as forwarder:
        for minute in range(20):
            forwarder.add(await put_in(spool, f"{minute}".encode(), minute=minute))
        await until(lambda: len([h for h in spool.held if h.waiting]) == 1)
    assert held.waiting
    assert held.attempts > 0
    assert held.error == str(error)
    assert len(await jobs(bus)) == 20
    spool.close()


async def test_what_the_store_refuses_for_good_is_put_aside(tmp_path: Path) -> None:
    poison = entry(b"poison")
    store = Poisoned(poison.recording.audio, StoreRefused("The name is too long."))
    bus, spool = MemoryBus(), open_spool(tmp_path)
    await put_in(spool, b"poison")
    await put_in(spool, b"good")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    (refused,) = spool.find(poison.recording.id)
    assert refused.refused is not None
    assert (refused.refused.code, refused.refused.reason) == (
        StoreRefused.code,
        "The name is too long.",
    )
    assert len(await jobs(bus)) == 1
    assert (tmp_path / "refused" / poison.key / "audio").read_bytes() == b"poison"
    spool.close()


class Moody(MemoryStore):
    """A store that refuses one call for good, until it is told not to."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self.refused: str | None = refused

    def _check(self, key: str) -> None:
        if key == self.refused:
            raise StoreRefused("Not that.")

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        self._check(key)
        await super().put_file(key, path, content_type=content_type)

    async def stat(self, key: str) -> StoredObject | None:
        self._check(key)
        return await super().stat(key)


@pytest.mark.parametrize("place", ["audio", "transcript"])
async def test_who_waits_for_what_the_store_refuses_is_told_and_it_can_be_tried_again(
    tmp_path: Path, place: str
) -> None:
    """The audio is refused before the version's number is claimed, the look for a transcript
    after it."""
    wanted = entry(b"audio")
    audio, id = wanted.recording.audio, wanted.recording.id
    store = Moody(audio if place == "audio" else object_keys.transcript(id, 1))
    bus, spool = MemoryBus(), open_spool(tmp_path)
    await put_in(spool, b"audio")
    async with forwarding(spool, store, bus) as forwarder:
        await until(lambda: spool.refusals)
        [told] = [decode_event(message.data) for message in await events(bus)]
        assert isinstance(told, Failed)
        assert (told.recording, told.version, told.code) == (id, 1, "store-refused")
        assert (told.reason, told.correlation_id) == ("Not that.", "call-1")
        if place == "audio":
            # Tried in vain it is not told twice.
            await again(spool, forwarder, wanted.key)
            await until(lambda: spool.refusals)
            assert len(await events(bus)) == 1
        store.refused = None
        await again(spool, forwarder, wanted.key)
        await until(lambda: any(held.forwarded for held in spool.held))
    assert [decode_event(message.data).type for message in await events(bus)] == [
        "failed",
        "queued",
    ]
    assert len(await jobs(bus)) == 1
    spool.close()


async def test_a_refusal_says_nothing_of_a_version_that_was_there_before(tmp_path: Path) -> None:
    wanted = entry(b"audio")
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path / "one")
    await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    spool.close()
    moody, spool = Moody(wanted.recording.audio), open_spool(tmp_path / "two")
    moody.objects |= store.objects
    await put_in(spool, b"audio")
    async with forwarding(spool, moody, bus):
        await until(lambda: spool.refusals)
    assert len(await events(bus)) == 1
    spool.close()


async def test_a_refusal_is_told_once_the_bus_is_back(tmp_path: Path) -> None:
    wanted = entry(b"audio")
    store, bus, spool = Moody(wanted.recording.audio), AwayBus(), open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(lambda: held.attempts > 1)
        assert held.waiting
        bus.away = False
        await until(lambda: spool.refusals)
    assert [decode_event(message.data).type for message in await events(bus)] == ["failed"]
    spool.close()


class AwayBus(MemoryBus):
    """A bus that is away until it is told not to be."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True

    async def ensure(self, topology: Topology) -> None:
        if self.away:
            raise BusUnavailable("away")
        await super().ensure(topology)


async def again(spool: Spool, forwarder: Forwarder, key: str) -> None:
    """Try what was refused again."""
    found = await spool.restore(key)
    assert found is not None
    forwarder.add(found[0])


async def test_an_outage_is_told_once_and_its_end_wakes_everyone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path)
    bus.away = True
    for n in range(10):
        await put_in(spool, f"{n}".encode(), minute=n)
    async with forwarding(spool, store, bus):
        await until(lambda: all(held.attempts > 3 for held in spool.held))
        # The store is there: so the versions are known already.
        assert all(held.version == 1 for held in spool.held)
        bus.away = False
        await until(all_forwarded(spool))
    told = [r.message for r in caplog.records if "recordings" in r.message]
    assert told == ["recordings wait in the spool", "recordings leave the spool again"]
    assert len(await jobs(bus)) == 10
    spool.close()


async def test_a_forwarded_entry_goes_when_its_time_has_come(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await put_in(spool, b"audio")
    async with forwarding(spool, MemoryStore(), MemoryBus(), keep=0.05):
        await until(lambda: not list(spool.held))
    assert files(tmp_path) == []
    assert spool.room.used == 0
    spool.close()


async def test_a_forwarded_entry_stays_for_its_time_over_a_restart(tmp_path: Path) -> None:
    store, bus = MemoryStore(), MemoryBus()
    spool = open_spool(tmp_path)
    await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    spool.close()
    again = open_spool(tmp_path)
    (held,) = again.held
    async with forwarding(again, store, bus) as forwarder:
        await forwarder.settle(held, 10.0)
    assert held.version == 1
    async with forwarding(again, store, bus, keep=0.0):
        await until(lambda: not list(again.held))
    assert len(await jobs(bus)) == 1
    again.close()


class Slow(MemoryStore):
    """A store that answers no upload until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.under_way = 0
        self.most = 0

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.go.wait()
        self.under_way -= 1
        await super().put_file(key, path, content_type=content_type)


async def test_several_are_forwarded_at_a_time_and_not_more(tmp_path: Path) -> None:
    store, spool = Slow(), open_spool(tmp_path)
    for n in range(20):
        await put_in(spool, f"{n}".encode())
    async with forwarding(spool, store, MemoryBus()):
        await until(lambda: store.under_way == 8)
        store.go.set()
        await until(all_forwarded(spool))
    assert store.most == 8
    spool.close()


async def test_the_end_does_not_wait_for_a_store_that_hangs(tmp_path: Path) -> None:
    store, spool = Slow(), open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    upstream = Upstream(store, MemoryBus(), topology())
    forwarder = Forwarder(spool, upstream, 600.0)
    stopping = asyncio.Event()
    running = asyncio.create_task(forwarder.run(stopping, grace=0.2))
    await until(lambda: store.under_way == 1)
    stopping.set()
    async with asyncio.timeout(10.0):
        await running
    assert held.waiting
    spool.close()


async def test_an_answer_waits_for_the_version_but_not_while_the_store_is_away(
    tmp_path: Path,
) -> None:
    store, spool = MemoryStore(), open_spool(tmp_path)
    async with forwarding(spool, store, MemoryBus()) as forwarder:
        held = await put_in(spool, b"1")
        forwarder.add(held)
        await forwarder.settle(held, 20.0)
        assert held.version == 1
        store.away = True
        for content in (b"2", b"3"):
            held = await put_in(spool, content)
            forwarder.add(held)
            async with asyncio.timeout(10.0):
                await forwarder.settle(held, 1_000.0)
            assert held.version is None
    spool.close()
