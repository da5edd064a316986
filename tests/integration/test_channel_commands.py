"""`echobase channels` on real NATS: set, listed, removed, and imported from people's files."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest

from shared.audit import AuditRecord
from shared.bus import Bus
from shared.channels import ChannelRecord
from shared.nats_bus import connect
from shared.topology import AUDIT, topology
from tests.support.channels import book_of
from tests.support.ingest import until
from tests.support.servers import NatsFixture
from tests.support.stack import command

pytestmark = pytest.mark.servers

Channels = Callable[..., Awaitable[CompletedProcess[str]]]
MANY = 2000
CSV = "Decimal,Hex,Alpha Tag,Mode,Description,Tag,Category,Priority\n" + "".join(
    f'{number},{number:x},TG {number},D,"Talkgroup {number}, long",Fire-Tac,Fire,1\n'
    for number in range(1, MANY + 1)
)


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[Bus]:
    """A connection of the test's own, with every stream there."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    yield bus
    await bus.close()


@pytest.fixture
def channels(nats: NatsFixture, bus: Bus, tmp_path: Path) -> Channels:
    """Runs the command."""
    env = {
        **os.environ,
        "ECHOBASE_NATS_URL": nats.settings.nats_url,
        "ECHOBASE_NATS_USER": nats.settings.nats_user,
        "ECHOBASE_NATS_PASSWORD": nats.settings.nats_password,
        "ECHOBASE_DATA": str(tmp_path / "commands"),
    }

    async def run(*arguments: str) -> CompletedProcess[str]:
        return await asyncio.to_thread(command, "channels", *arguments, env=env, folder=tmp_path)

    return run


async def test_set_list_and_remove(
    nats: NatsFixture, bus: Bus, channels: Channels, tmp_path: Path
) -> None:
    place = ("county", "fire / west")
    async with book_of(nats.settings, tmp_path / "channels.json") as book:
        said = ("--label", "FD West", "--lane", "urgent", "--keep-audio", "30d")
        words = ("--hotword", "Engine 4", "--hotword", "Birch Street")
        done = await channels("set", *place, *said, *words)
        assert done.returncode == 0, done.stderr
        record = ChannelRecord(
            source="county",
            channel="fire / west",
            label="FD West",
            lane="urgent",
            keep_audio="30d",
            hotwords=["Engine 4", "Birch Street"],
        )
        await until(lambda: book.all() == [record])
        done = await channels("set", *place, "--lane", "", "--hotword", "")
        assert done.returncode == 0, done.stderr
        left = msgspec.structs.replace(record, lane=None, hotwords=[])
        await until(lambda: book.all() == [left])
        listed = await channels("list", "--source", "coun*", "--json")
        assert msgspec.json.decode(listed.stdout) == {
            "source": "county",
            "channel": "fire / west",
            "label": "FD West",
            "keep_audio": "30d",
        }
        assert (await channels("list", "--source", "metro")).stdout == ""
        for code, arguments in (
            (2, ("set", *place)),
            (1, ("set", *place, "--lane", "soon")),
            (1, ("set", *place, "--keep-audio", "30")),
            (1, ("set", "", "fire", "--label", "A")),
            (1, ("remove", "county", "other")),
        ):
            refused = await channels(*arguments)
            assert refused.returncode == code, (arguments, refused.stderr)
            assert "Traceback" not in refused.stderr
        assert (await channels("remove", *place)).returncode == 0
        await until(lambda: book.all() == [])
    noted = [
        msgspec.json.decode(message.data, type=AuditRecord).action
        async for batch in bus.read(AUDIT.name, [">"])
        for message in batch
    ]
    assert noted == ["channel-set", "channel-set", "channel-removed"]


async def test_a_file_is_imported_once_however_often(
    nats: NatsFixture, channels: Channels, tmp_path: Path
) -> None:
    file = tmp_path / "talkgroups.csv"
    file.write_text(CSV + "x,,Odd,D,,,,1\n")
    async with book_of(nats.settings, tmp_path / "channels.json") as book:
        assert (await channels("set", "county", "7", "--prompt", "Engine 4.")).returncode == 0
        dry = await channels("import", str(file), "--source", "county", "--dry-run")
        assert f"{MANY - 1} would be added, 1 would be changed, 0 the same, 1 refused" in dry.stdout
        await until(lambda: len(book.all()) == 1)
        done = await channels("import", str(file), "--source", "county")
        assert done.returncode == 1, done.stderr
        refused, summary = done.stdout.splitlines()
        assert refused == f"line {MANY + 2}: 'x' is no talkgroup's number"
        assert summary == f"{MANY - 1} added, 1 changed, 0 the same, 1 refused"
        await until(lambda: len(book.all()) == MANY)
        assert book.find("county", "7") == ChannelRecord(
            source="county",
            channel="7",
            label="TG 7",
            description="Talkgroup 7, long",
            tag="Fire-Tac",
            group="Fire",
            prompt="Engine 4.",
        )
        again = await channels("import", str(file), "--source", "county")
        assert again.stdout.splitlines()[-1] == f"0 added, 0 changed, {MANY} the same, 1 refused"


async def test_a_file_that_is_none_is_refused_in_one_line(
    channels: Channels, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    for content in (b"", b"<playlist>", b"a,b\n", b"\x00\xff\xfe"):
        file.write_bytes(content)
        done = await channels("import", str(file), "--source", "county")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "The file" in done.stderr
