"""Names are imported, a call comes in: its events carry them, and its version what is said."""

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.samples import samples
from shared.client import Client
from shared.messages import Completed, Event, Options, Queued, Started
from tests.support.stack import PATIENCE, RunningStack, events_of, words

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


async def transcribed(client: Client, source: str, **more: str) -> list[Event]:
    """The events of a recording of its own."""
    start = datetime.now(UTC).isoformat(timespec="microseconds")
    fields = {"source": source, "channel": "54241", "start": start, **more}
    return await events_of(client, await client.upload(CALL.path, fields))


def options(events: list[Event]) -> Options:
    """With what a version was made."""
    [started] = [event for event in events if isinstance(event, Started)]
    return started.plan.options


async def until_planned(client: Client, source: str, prompt: str | None) -> list[Event]:
    """The events of the first recording that is transcribed with a prompt."""
    deadline = time.monotonic() + PATIENCE
    while True:
        events = await transcribed(client, source)
        if options(events).prompt == prompt:
            return events
        assert time.monotonic() < deadline


async def test_what_is_imported_and_said_counts_without_a_restart(
    stack: RunningStack, client: Client, tmp_path: Path
) -> None:
    source = f"import-{uuid4().hex[:8]}"
    file = tmp_path / "talkgroups.csv"
    file.write_text(
        "Decimal,Hex,Alpha Tag,Mode,Description,Tag,Category\n"
        "54241,d3e1,FD Disp,D,Fire Dispatch,Fire Dispatch,County Fire\n"
    )
    done = stack.run("channels", "import", str(file), "--source", source)
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout
    prompt = "Engine 7, respond to Birch Street."
    said = ("--prompt", prompt, "--hotword", "Birch Street", "--lane", "urgent")
    done = stack.run("channels", "set", source, "54241", *said)
    assert done.returncode == 0, done.stderr
    events = await until_planned(client, source, prompt)
    assert isinstance(events[0], Queued)
    assert (events[0].lane, events[0].options) == ("urgent", Options())
    names = {
        "talkgroup_label": "FD Disp",
        "talkgroup_name": "Fire Dispatch",
        "talkgroup_tag": "Fire Dispatch",
        "talkgroup_group": "County Fire",
    }
    assert all(event.metadata == names for event in events)
    assert options(events).hotwords == "Birch Street"
    assert isinstance(events[-1], Completed)
    assert words(events)
    asked = await transcribed(client, source, prompt="My own.", lane="backfill")
    assert options(asked).prompt == "My own."
    assert isinstance(asked[0], Queued)
    assert asked[0].lane == "backfill"
    assert stack.run("channels", "set", source, "54241", "--prompt", "").returncode == 0
    assert options(await until_planned(client, source, None)).hotwords == "Birch Street"
    assert stack.run("channels", "remove", source, "54241").returncode == 0
