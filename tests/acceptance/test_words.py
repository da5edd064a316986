"""Recordings in, words out: through the stack as it is shipped."""

from datetime import UTC, datetime
from pathlib import Path

import jiwer
import pytest

from deploy.local.samples import Sample, samples
from shared.client import Client
from shared.messages import Completed, Queued, Segment, Started
from tests.support.audio_files import reencode
from tests.support.stack import RunningStack, events_of, words

pytestmark = pytest.mark.stack

WORST = 0.1
"""Share of wrong words in all samples together above which something has broken."""
CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


def fields(sample: Sample = CALL) -> dict[str, str]:
    """A recording of its own each time."""
    start = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"source": sample.source, "channel": sample.channel, "start": start}


async def test_the_samples_come_out_as_their_words(client: Client):
    accepted = [(sample, await client.upload(sample.path, fields(sample))) for sample in samples()]
    said = [sample.text for sample, _ in accepted]
    heard = [words(await events_of(client, each)) for _, each in accepted]
    assert jiwer.wer(said, heard) < WORST


async def test_a_call_that_is_over_still_gives_all_its_events(client: Client):
    accepted = await client.upload(CALL.path, fields())
    live = await events_of(client, accepted)
    late = await events_of(client, accepted)
    assert late == live
    assert isinstance(late[0], Queued)
    assert isinstance(late[1], Started)
    assert isinstance(late[-1], Completed)
    assert {event.version for event in late} == {1}


async def test_the_transcript_holds_what_the_events_said(client: Client):
    accepted = await client.upload(CALL.path, fields())
    events = await events_of(client, accepted)
    transcript = await client.transcript(accepted.id)
    segments = [event for event in events if isinstance(event, Segment)]
    assert [(s.index, s.start, s.end, s.text, s.confidence) for s in transcript.segments] == [
        (s.index, s.start, s.end, s.text, s.confidence) for s in segments
    ]
    assert transcript.text == words(events)
    assert transcript.model == "demo"
    assert (transcript.source, transcript.channel) == (CALL.source, CALL.channel)


async def test_every_format_gives_the_same_words(client: Client, tmp_path: Path):
    for kind in ("mp3", "m4a", "wav"):
        path = reencode(CALL.path, tmp_path / f"call.{kind}", kind)
        accepted = await client.upload(path, fields())
        assert words(await events_of(client, accepted)) == CALL.text, kind


def test_the_commands_take_and_show_recordings(stack: RunningStack, tmp_path: Path):
    path = reencode(CALL.path, tmp_path / "call.mp3", "mp3")
    result = stack.run("submit", str(path), "--source", "command", "--lane", "urgent", "--follow")
    assert result.returncode == 0, result.stderr
    assert CALL.text in result.stdout
    assert "completed" in result.stdout


def test_a_refused_file_is_named_with_its_reason(stack: RunningStack, tmp_path: Path):
    (tmp_path / "notes.wav").write_text("no audio at all")
    result = stack.run("submit", str(tmp_path / "notes.wav"), str(CALL.path))
    assert result.returncode == 1
    assert "notes.wav: 415" in result.stdout
    assert f"{CALL.path}: accepted" in result.stdout or f"{CALL.path}: known" in result.stdout


def test_doctor_finds_a_running_stack_well(stack: RunningStack):
    result = stack.run("doctor")
    assert result.returncode == 0, result.stdout
    assert "ok: workers: 1 with demo" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].startswith("0 wrong")
