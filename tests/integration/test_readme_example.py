"""The README's example for other services runs as it stands, with nats-py alone."""

import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.envelope import event_message
from shared.messages import Segment
from shared.nats_bus import connect
from shared.topology import topology
from tests.support.repository import ROOT
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers

PATIENCE = 30.0
"""Seconds."""


def example() -> str:
    """The README's only Python block."""
    [source] = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return source


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
    assert await run(nats, tmp_path, lines=2) == expected
    await bus.publish(event_message(segment(3, "county")))
    assert await run(nats, tmp_path, lines=1) == ["fire 3.0 engine 3 on scene"]
    await bus.close()


async def run(nats: NatsFixture, folder: Path, lines: int) -> list[str]:
    """Run the example in a folder that holds nothing of ours, until it has printed so much."""
    script = folder / "example.py"
    script.write_text(example(), "utf-8")
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
