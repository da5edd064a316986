"""A backup is whole or none, fetches only what is new, goes on where it was, and forgets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.backup.bring_back import MARKER, Restore
from deploy.backup.commands import check
from deploy.backup.errors import BackupError
from deploy.backup.folder import BackupFolder, Generation
from deploy.backup.save import Saving
from services.ingest.entry import Entry
from shared import object_keys
from shared.bus import Bus, Fence, Message, Published
from shared.channels import ChannelRecord
from shared.envelope import deleted_message
from shared.erasure import Tombstone, bury, tombstone
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Deleted, encode
from shared.topology import DEAD, EVENTS, JOBS, topology
from tests.support.channels import FIRE, book_on, say, unsay
from tests.support.ingest import entry

WANTED = topology()
SITE = tuple[MemoryStore, MemoryBus]


def quiet(what: str, count: int) -> None:
    """Show nothing."""


async def new_site() -> SITE:
    store, bus = MemoryStore(), MemoryBus()
    await bus.ensure(WANTED)
    return store, bus


async def put(site: SITE, content: bytes, minute: int = 0) -> Entry:
    """A recording with its words, its job and its dead letter."""
    store, bus = site
    made = entry(content, minute=minute)
    id = made.recording.id
    await store.put(made.recording.audio, content)
    await store.put(object_keys.record(id), encode(made.recording))
    await store.put(object_keys.transcript(id, 1), b"words of " + content)
    subject = f"echobase.events.county.fire.{id}.1.segment"
    await bus.publish(Message(subject, b"words of " + content, {"ce-id": id}))
    await bus.publish(Message(JOBS.subjects[1], encode(made.job(1))))
    letter = {"Echobase-Dead-Subject": JOBS.subjects[1]}
    await bus.publish(Message("echobase.dead.transcriber", encode(made.job(2)), letter))
    return made


async def save(folder: BackupFolder, site: SITE, keep: int = 7) -> Generation:
    with folder.claimed():
        return await Saving(folder, *site, WANTED, quiet).run(keep)


async def bring(
    folder: BackupFolder, site: SITE, more: list[Tombstone] | None = None, force: bool = False
) -> None:
    await Restore(folder, *site, WANTED).run(folder.generations()[-1], more or [], force, quiet)


async def test_what_is_said_of_channels_comes_back(tmp_path: Path) -> None:
    site = await new_site()
    gone = ChannelRecord(source="county", channel="gone", label="A")
    for record in (FIRE, gone):
        await say(site[1], record)
    await unsay(site[1], gone)
    folder = BackupFolder(tmp_path / "backup")
    await save(folder, site)
    _, bus = other = await new_site()
    await bring(folder, other)
    async with book_on(bus, tmp_path / "channels.json") as book:
        assert await book.until_read(20)
        assert book.all() == [FIRE]


async def held(bus: Bus) -> list[tuple[str, bytes]]:
    return [
        (m.subject, m.data)
        for stream in (EVENTS, JOBS, DEAD)
        async for batch in bus.read(stream.name, [">"])
        for m in batch
    ]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def stone(made: Entry, minute: int = 5) -> Tombstone:
    received = made.recording.received
    return Tombstone(
        recording=made.recording.id, time=received + timedelta(minutes=minute), reason="request"
    )


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backup")


async def test_what_was_saved_comes_back(folder: BackupFolder) -> None:
    site = await new_site()
    await put(site, b"one")
    await put(site, b"two")
    await save(folder, site)
    assert check(folder) == 6
    target = await new_site()
    await bring(folder, target)
    assert target[0].objects == site[0].objects
    assert await held(target[1]) == await held(site[1])


async def test_only_what_is_new_is_fetched(folder: BackupFolder) -> None:
    class Counting(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.fetched: list[str] = []

        async def get_file(self, key: str, path: Path) -> None:
            self.fetched.append(key)
            await super().get_file(key, path)

    bus = (await new_site())[1]
    store = Counting()
    site = (store, bus)
    one = await put(site, b"one")
    await save(folder, site)
    assert len(store.fetched) == 3
    await save(folder, site)
    assert len(store.fetched) == 3
    await store.put(object_keys.transcript(one.recording.id, 1), b"other words")
    await put(site, b"two")
    await save(folder, site)
    assert len(store.fetched) == 7


async def test_a_run_that_was_cut_off_is_none_and_the_next_goes_on(folder: BackupFolder) -> None:
    class Failing(MemoryStore):
        left = 4

        async def get_file(self, key: str, path: Path) -> None:
            if not self.left:
                raise OSError("cut off")
            self.left -= 1
            await super().get_file(key, path)

    store, bus = Failing(), (await new_site())[1]
    for content in (b"one", b"two", b"three"):
        await put((store, bus), content)
    with pytest.raises(OSError, match="cut off"):
        await save(folder, (store, bus))
    assert folder.generations() == []
    store.left = 5  # nine in all: none is fetched twice
    await save(folder, (store, bus))
    assert check(folder) == 9
    assert len(list((folder.folder / "generations").iterdir())) == 1


async def test_only_so_many_generations_are_kept(folder: BackupFolder) -> None:
    site = await new_site()
    first = await put(site, b"one")
    await save(folder, site)
    await site[0].delete(first.recording.audio)
    for _ in range(3):
        await save(folder, site, keep=2)
    assert len(folder.generations()) == 2
    assert b"one" not in [path.read_bytes() for path in folder.folder.glob("objects/*/*")]


async def test_what_was_erased_later_is_taken_out_of_every_generation(
    folder: BackupFolder,
) -> None:
    site = await new_site()
    gone, kept = await put(site, b"secret"), await put(site, b"plain")
    await save(folder, site)
    assert b"secret" in everything(folder.folder)
    store = site[0]
    await bury(store, stone(gone))
    for key in [key for key in store.objects if f"recordings/{gone.recording.id}" in key]:
        await store.delete(key)
    await save(folder, site)
    found = everything(folder.folder)
    assert b"secret" not in found
    assert b"plain" in found
    assert len(folder.generations()) == 2
    assert check(folder) == 4
    target = await new_site()
    await bring(folder, target)
    assert not any(gone.recording.id in m[1].decode() for m in await held(target[1]))
    assert object_keys.record(kept.recording.id) in target[0].objects


@pytest.mark.parametrize("where", ["disk", "store", "events"])
async def test_what_was_erased_after_the_backup_does_not_come_back(
    folder: BackupFolder, where: str
) -> None:
    site = await new_site()
    gone, kept = await put(site, b"secret"), await put(site, b"plain")
    await save(folder, site)
    target = await new_site()
    more: list[Tombstone] = []
    if where == "disk":
        more = [stone(gone)]
    elif where == "store":
        await bury(target[0], stone(gone))
    else:
        told = Deleted(
            recording=gone.recording.id,
            source="county",
            channel="fire",
            time=datetime.now(UTC),
            what="all",
            reason="request",
        )
        await target[1].publish(deleted_message(told))
    await bring(folder, target, more)
    objects = target[0].objects
    assert [key for key in objects if gone.recording.id in key] == [
        object_keys.tombstone(gone.recording.id)
    ]
    assert await tombstone(target[0], gone.recording.id) is not None
    assert object_keys.record(kept.recording.id) in objects
    assert b"secret" not in b"".join(data for _, data in await held(target[1]))


async def test_what_was_sent_again_after_its_erasure_comes_back(folder: BackupFolder) -> None:
    site = await new_site()
    made = await put(site, b"again", minute=10)
    await bury(site[0], stone(made, minute=-3))
    await save(folder, site)
    target = await new_site()
    await bring(folder, target)
    assert target[0].objects == site[0].objects


async def test_a_restore_that_was_cut_off_goes_on_and_doubles_nothing(
    folder: BackupFolder,
) -> None:
    class Failing(MemoryBus):
        left = 3

        async def publish(self, message: Message, fence: Fence | None = None) -> Published:
            if not self.left:
                raise OSError("cut off")
            self.left -= 1
            return await super().publish(message, fence)

    site = await new_site()
    await put(site, b"one")
    await put(site, b"two")
    await save(folder, site)
    store, bus = MemoryStore(), Failing()
    await bus.ensure(WANTED)
    with pytest.raises(OSError, match="cut off"):
        await bring(folder, (store, bus))
    assert MARKER in store.objects
    bus.left = 3
    await bring(folder, (store, bus))
    assert store.objects == site[0].objects
    assert await held(bus) == await held(site[1])


async def test_a_store_that_is_not_empty_is_refused(folder: BackupFolder) -> None:
    site = await new_site()
    await put(site, b"one")
    await save(folder, site)
    with pytest.raises(BackupError, match="not empty"):
        await bring(folder, site)
    await bring(folder, site, force=True)
    assert len(await held(site[1])) == 3


@pytest.mark.parametrize("what", ["blob", "lines", "manifest"])
async def test_damage_is_found(folder: BackupFolder, what: str) -> None:
    site = await new_site()
    await put(site, b"one")
    generation = await save(folder, site)
    path = {
        "blob": next(iter(folder.folder.glob("objects/*/*"))),
        "lines": generation.folder / "EVENTS.jsonl",
        "manifest": generation.folder / "manifest.json",
    }[what]
    path.write_bytes(path.read_bytes()[:-2] + b"xx")
    with pytest.raises(BackupError):
        check(folder)
    with pytest.raises(BackupError):
        await bring(folder, await new_site())


async def test_two_runs_do_not_write_at_once(folder: BackupFolder) -> None:
    with (
        folder.claimed(),
        pytest.raises(BackupError, match="another backup"),
        BackupFolder(folder.folder).claimed(),
    ):
        pass
