"""A recording is erased on the running stack, and restored it is not: no copy of it is found.

Two recordings are transcribed, with a reader at hand and a dead letter; a backup is made; one is
erased. Then everything is looked through: objects, messages, spool, backup, and the files on disk.
"""

import asyncio
import re
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import httpx_sse
import pytest

from deploy.local.samples import samples
from shared import object_keys
from shared.bus import Message, StoredMessage
from shared.client import Accepted, Client
from shared.messages import Recording, decode
from shared.nats_bus import NatsBus
from shared.of_recording import of_recording
from shared.s3_store import S3Store
from shared.settings import NatsSettings
from shared.stack import nats_settings
from shared.topology import topology
from tests.support.nats_buses import opened
from tests.support.stack import PATIENCE, RunningStack, events_of, words

pytestmark = pytest.mark.stack

SECRET, PLAIN = (
    next(sample for sample in samples() if sample.file == f"{name}.ogg")
    for name in ("chest-pain", "structure-fire")
)


@contextmanager
def running(folder: Path) -> Generator[RunningStack]:
    """A stack of its own."""
    folder.mkdir()
    stack = RunningStack(folder)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


async def transcribed(client: Client, path: Path, channel: str) -> Accepted:
    """A recording, once its words are there; it says a secret of its own besides them."""
    metadata = f'{{"note": "note of {channel}"}}'
    accepted = await client.upload(
        path, {"source": "erasing", "channel": channel, "metadata": metadata}
    )
    words(await events_of(client, accepted))
    return accepted


async def messages(bus: NatsBus) -> list[StoredMessage]:
    """What every stream holds."""
    return [
        message
        for stream in topology().streams
        async for batch in bus.read(stream.name, list(stream.subjects))
        for message in batch
    ]


async def objects(store: S3Store) -> Mapping[str, bytes]:
    """What the bucket holds."""
    return {item.key: await store.get(item.key) async for item in store.list("")}


def holding(folder: Path, *secrets: bytes) -> list[str]:
    """The files below a folder that hold one of these."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    )


def nats_of(stack: RunningStack) -> NatsSettings:
    return nats_settings({"ECHOBASE_DATA": str(stack.data)})


def vacuum(stack: RunningStack) -> None:
    """Have the store rewrite its files without what was deleted."""
    line = Path(f"/proc/{stack.description.pids['store']}/cmdline").read_bytes().decode()
    found = re.search(r"-master\.port=(\d+)", line)
    assert found is not None
    url = f"http://127.0.0.1:{found[1]}/vol/vacuum?garbageThreshold=0.00001"
    with urllib.request.urlopen(url) as answer:
        answer.read()


async def followed(stack: RunningStack) -> AsyncGenerator[httpx_sse.ServerSentEvent]:
    """Everything that a reader of the whole stream is told, from its first event on."""
    url = f"{stack.addresses.stream}/v1/events?last_event_id=none-0"
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as http,
        httpx_sse.aconnect_sse(http, "GET", url) as source,
    ):
        async for event in source.aiter_sse():
            yield event


@dataclass(frozen=True)
class Scene:
    """What was said, and what must be found no more."""

    folder: Path
    kept: Accepted
    gone: Accepted
    secrets: tuple[bytes, ...]


async def test_what_was_erased_is_nowhere_and_is_not_restored(tmp_path: Path) -> None:
    with running(tmp_path / "site") as site:
        scene = await erased_with_a_backup(site, tmp_path / "backup")
        await nothing_is_left(site, scene)
        data = site.data
    # Everything but the backup and ingest's own disk is lost.
    with running(tmp_path / "empty") as empty:
        restored = empty.run("restore", str(scene.folder), "--erasures", str(data))
        assert restored.returncode == 0, restored.stderr
        assert "without 1 that were erased" in restored.stdout
        await only_the_other_is_back(empty, scene)
        # The next backup takes it out of the older one too.
        assert empty.run("backup", str(scene.folder)).returncode == 0
        assert holding(scene.folder, b"note of secret") == []
        assert holding(scene.folder, b"note of plain")
        assert empty.run("backup", str(scene.folder), "--verify").returncode == 0


async def erased_with_a_backup(site: RunningStack, folder: Path) -> Scene:
    """Two recordings, a backup, and one of them erased while somebody reads."""
    async with (
        Client(site.addresses) as client,
        opened(nats_of(site)) as bus,
        aclosing(followed(site)) as reader,
    ):
        kept = await transcribed(client, PLAIN.path, "plain")
        gone = await transcribed(client, SECRET.path, "secret")
        told = await reader_until(reader, "completed", gone)
        spoken = [event.json()["text"] for event in told if event.event == "segment"]
        # A history of trouble: its dead letter.
        message = next(m for m in await messages(bus) if gone.id in m.subject)
        letter = {"Echobase-Dead-Subject": message.subject, "Echobase-Dead-Reason": "none"}
        await bus.publish(Message("echobase.dead.transcriber", message.data, letter))
        audio = SECRET.path.read_bytes()
        secrets = (*(text.encode() for text in spoken), b"note of secret", audio[100:300])
        assert len(secrets) > 2
        assert holding(site.data / "spool", *secrets)
        saved = site.run("backup", str(folder))
        assert saved.returncode == 0, saved.stderr
        assert holding(folder, *secrets)
        await erase(site, gone)
        await reader_until(reader, "deleted", gone)
    return Scene(folder, kept, gone, secrets)


async def erase(site: RunningStack, gone: Accepted) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.delete(f"{site.addresses.ingest}/v1/recordings/{gone.id}")
        assert (answer.status_code, answer.content) == (204, b"")
        for path in ("", "/transcript.json", "/audio"):
            address = f"{site.addresses.stream}/v1/recordings/{gone.id}{path}"
            assert (await http.get(address)).status_code == 410


async def nothing_is_left(site: RunningStack, scene: Scene) -> None:
    """In the bucket, the streams, the spool, and the files of all of them."""
    await nothing_is_held(site, scene)
    assert holding(site.data / "spool", *scene.secrets) == []
    assert holding(site.data / "logs", *scene.secrets) == []
    assert holding(site.data / "nats", *scene.secrets) == []

    async def rewritten() -> bool:
        await asyncio.to_thread(vacuum, site)
        return not holding(site.data, *scene.secrets)

    async with asyncio.timeout(PATIENCE):
        while not await rewritten():  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.5)
    async with Client(site.addresses) as client:
        assert (await client.transcript(scene.kept.id)).text == PLAIN.text


async def only_the_other_is_back(empty: RunningStack, scene: Scene) -> None:
    """Whole; and what comes next is done."""
    found = await nothing_is_held(empty, scene)
    record = decode(found[object_keys.record(scene.kept.id)], Recording)
    assert found[record.audio] == PLAIN.path.read_bytes()
    assert holding(empty.data, *scene.secrets) == []
    async with Client(empty.addresses) as client:
        assert (await client.transcript(scene.kept.id)).text == PLAIN.text
        assert words(await events_of(client, scene.kept)) == PLAIN.text
        assert (await transcribed(client, SECRET.path, "another")).id != scene.gone.id


async def nothing_is_held(stack: RunningStack, scene: Scene) -> Mapping[str, bytes]:
    """No object and no message is of the erased one; returns the objects."""
    store, gone = S3Store(stack.store), scene.gone.id
    found = await objects(store)
    await store.close()
    assert [key for key in found if gone in key] == [object_keys.tombstone(gone)]
    assert not any(secret in data for data in found.values() for secret in scene.secrets)
    async with opened(nats_of(stack)) as bus:
        held = await messages(bus)
    about = [m for m in held if of_recording(m.subject, m.headers, m.data) == gone]
    assert {m.subject.rpartition(".")[2] for m in about} <= {"deleted"}
    assert not any(secret in m.data for m in held for secret in scene.secrets)
    assert any(scene.kept.id in m.subject for m in held)
    return found


async def reader_until(
    reader: AsyncGenerator[httpx_sse.ServerSentEvent], kind: str, of: Accepted
) -> list[httpx_sse.ServerSentEvent]:
    """What a reader is told of a recording, until an event of a type comes."""
    found: list[httpx_sse.ServerSentEvent] = []
    async with asyncio.timeout(PATIENCE):
        while not found or found[-1].event != kind:
            event = await anext(reader)
            if event.json().get("recording") == of.id:
                found.append(event)
    return found
