"""`echobase demo`: recordings in, words out, on the terminal."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.local.samples import Sample, samples
from shared.client import Client, Gap
from shared.display import line
from shared.errors import EchoBaseError
from shared.messages import Completed, Failed, Segment, Transcript
from shared.outcome import Outcome, follow_to_end

STALL = 300.0
"""Seconds without any event after which no more are expected."""


class DemoFailed(EchoBaseError):
    """Not every recording got its transcript."""

    code = "demo-failed"


@dataclass(frozen=True)
class Call:
    """A recording to submit."""

    path: Path
    fields: dict[str, str]


def calls(audio: Path | None) -> list[Call]:
    """The recording that was asked for, or the bundled ones; each is a new recording every time."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    if audio is not None:
        return [Call(audio, {"start": now})]
    return [_call(sample, now) for sample in samples()]


def _call(sample: Sample, start: str) -> Call:
    return Call(sample.path, {"source": sample.source, "channel": sample.channel, "start": start})


async def show(client: Client, submitted: Sequence[Call], console: Console, started: float) -> None:
    """Submit, print each segment as it comes, then the transcripts and the speed.

    `started`: when the stack began to start, by `time.monotonic`.

    Raises DemoFailed, Refused, Unreachable.
    """
    began = time.monotonic()
    accepted = [await client.upload(call.path, call.fields) for call in submitted]
    paths = {each.id: call.path for each, call in zip(accepted, submitted, strict=True)}
    console.print(f"Submitted {len(paths)} recordings. Their words, as they come:\n")
    outcome = Outcome(accepted)
    await _print_events(client, outcome, console, started)
    wall = time.monotonic() - began
    console.print("\n[bold]Transcripts[/bold]")
    for recording, completed in outcome.completed.items():
        transcript = await client.transcript(recording)
        _print_transcript(console, paths[recording], transcript, completed)
    _print_speed(console, outcome, wall)
    if outcome.failed:
        raise DemoFailed(_failures(paths, outcome))


async def _print_events(client: Client, outcome: Outcome, console: Console, started: float) -> None:
    first = True
    async with aclosing(follow_to_end(client, outcome)) as events:
        while outcome.pending:
            try:
                async with asyncio.timeout(STALL):
                    event = await anext(events)
            except TimeoutError:
                raise DemoFailed(_stalled(len(outcome.pending))) from None
            if isinstance(event, Segment | Failed | Gap):
                console.print(line(event))
            if first and isinstance(event, Segment):
                first = False
                waited = time.monotonic() - started
                console.print(f"[dim](first words {waited:.1f} s after the start)[/dim]")


def _stalled(missing: int) -> str:
    return (
        f"{missing} transcripts did not come: no event for {STALL:g} s;"
        " see the logs in the data folder, or run `echobase doctor`"
    )


def _print_transcript(
    console: Console, path: Path, transcript: Transcript, completed: Completed
) -> None:
    factor = completed.processing / transcript.duration if transcript.duration else 0.0
    head = f"{path.name}  {transcript.duration:.1f} s, real-time factor {factor:.2f}"
    console.print(f"[bold]{escape(head)}[/bold]")
    console.print(escape(transcript.text or "(no speech)"))


def _print_speed(console: Console, outcome: Outcome, wall: float) -> None:
    audio = sum(event.duration for event in outcome.completed.values())
    if audio:
        console.print(
            f"\n{audio:.0f} s of audio in {wall:.1f} s, upload to last word:"
            f" real-time factor {wall / audio:.2f}"
        )


def _failures(paths: dict[str, Path], outcome: Outcome) -> str:
    lines = (
        f"{paths[recording].name}: {event.reason} ({event.code})"
        for recording, event in outcome.failed.items()
    )
    return f"{len(outcome.failed)} transcripts did not come: " + "; ".join(lines)
