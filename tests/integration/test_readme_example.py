"""The README's examples for other services run as they stand, with nats-py alone."""

import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from shared.envelope import event_message
from shared.memory_store import MemoryStore
from shared.messages import Completed, Segment
from shared.nats_bus import connect
from shared.topology import topology
from tests.support import audio_files
from tests.support.ingest import serving
from tests.support.repository import ROOT
from tests.support.servers import NatsFixture
from tests.support.submitting import queued

pytestmark = pytest.mark.servers

PATIENCE = 30.0
"""Seconds."""


def examples() -> tuple[str, str]:
    """The README's Python blocks that speak NATS: following, and submitting."""
    blocks: list[str] = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    following, submitting = (each for each in blocks if "import nats" in each)
    return following, submitting


def segment(index: int, source: str) -> Segment:
    """A segment of some recording."""
    return Segment(
        recording="0" * 32,
        version=1,
        source=source,
        channel="fire",
        time=datetime.now(UTC),
        index=index,
        chunk=index,
        start=float(index),
        end=index + 1.0,
        text=f"engine {index} on scene",
        confidence=0.9,
    )


async def test_the_example_prints_the_segments_and_goes_on_where_it_was(
    nats: NatsFixture, tmp_path: Path
) -> None:
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    for index, source in enumerate(("county", "elsewhere", "county")):
        await bus.publish(event_message(segment(index, source)))
    expected = ["fire 0.0 engine 0 on scene", "fire 2.0 engine 2 on scene"]
    following, _ = examples()
    assert await run(nats, tmp_path, following, lines=2) == expected
    await bus.publish(event_message(segment(3, "county")))
    assert await run(nats, tmp_path, following, lines=1) == ["fire 3.0 engine 3 on scene"]
    await bus.close()


async def test_the_example_submits_a_call_and_hears_what_becomes_of_it(
    nats: NatsFixture, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "call.wav").write_bytes(audio_files.wav())
    bus, store = await connect(nats.settings, "test"), MemoryStore()
    await bus.ensure(topology())
    async with serving(tmp_path, store, bus), asyncio.TaskGroup() as tasks:
        printed = tasks.create_task(run(nats, folder, examples()[1], lines=3))
        async with asyncio.timeout(PATIENCE):
            while not (announced := await queued(bus)):  # noqa: ASYNC110 - a server has no event
                await asyncio.sleep(0.02)
        [event] = announced
        assert (event.source, event.channel, event.lane) == ("county", "fire", "urgent")
        assert event.metadata == {"incident": 42}
        common = {
            name: getattr(event, name)
            for name in ("recording", "version", "source", "channel", "time", "correlation_id")
        }
        spoken = msgspec.structs.replace(segment(0, "county"), **common)
        done = Completed(
            **common,
            transcript="x",
            segments=1,
            duration=1.0,
            language=None,
            model="demo",
            processing=0.1,
        )
        for each in (spoken, done):
            await bus.publish(event_message(each))
        assert await printed == ["queued", "segment engine 0 on scene", "completed"]
    await bus.close()


async def test_the_example_hears_of_a_refusal(nats: NatsFixture, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "call.wav").write_bytes(b"This is no audio.")
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    async with serving(tmp_path, MemoryStore(), bus):
        [line] = await run(nats, folder, examples()[1], lines=1)
        assert line.startswith("refused the file is no audio that we accept")
    await bus.close()


async def run(nats: NatsFixture, folder: Path, source: str, lines: int) -> list[str]:
    """Run the example in a folder that holds nothing of ours, until it has printed so much."""
    script = folder / "example.py"
    script.write_text(source, "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "ECHOBASE_NATS_URL": nats.settings.nats_url,
            "ECHOBASE_NATS_USER": nats.settings.nats_user,
            "ECHOBASE_NATS_PASSWORD": nats.settings.nats_password,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            found = [(await process.stdout.readline()).decode().strip() for _ in range(lines)]
    finally:
        # If the last one is not acknowledged yet it comes again, long after what is new.
        process.terminate()
        await process.wait()
    return found
