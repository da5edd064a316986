"""`echobase demo`: recordings in, words out, on the terminal."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.local.samples import Sample, samples
from shared.client import Client, Gap
from shared.display import line
from shared.errors import EchoBaseError
from shared.messages import Completed, Event, Failed, Segment, Transcript

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


@dataclass
class Outcome:
    """What came of the recordings that were submitted."""

    pending: set[str]
    completed: dict[str, Completed] = field(default_factory=dict[str, Completed])
    failed: dict[str, Failed] = field(default_factory=dict[str, Failed])

    def note(self, event: Event) -> None:
        """Keep what an event says of a recording's end."""
        match event:
            case Completed():
                self.completed[event.recording] = event
            case Failed():
                self.failed[event.recording] = event
            case _:
                return
        self.pending.discard(event.recording)


def calls(audio: Path | None) -> list[Call]:
    """The recording that was asked for, or the bundled ones; each is a new recording every time."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    if audio is not None:
        return [Call(audio, {"start": now})]
    return [_call(sample, now) for sample in samples()]


def _call(sample: Sample, start: str) -> Call:
    return Call(sample.path, {"source": sample.source, "channel": sample.channel, "start": start})


async def show(client: Client, submitted: Sequence[Call], console: Console) -> None:
    """Submit, print each segment as it comes, then the transcripts and the speed.

    Raises DemoFailed, Refused, Unreachable.
    """
    began = time.monotonic()
    accepted = {(await client.upload(call.path, call.fields)).id: call for call in submitted}
    console.print(f"Submitted {len(accepted)} recordings. Their words, as they come:\n")
    outcome = await _follow(client, list(accepted), console, began)
    wall = time.monotonic() - began
    console.print("\n[bold]Transcripts[/bold]")
    for recording, call in accepted.items():
        if recording in outcome.completed:
            transcript = await client.transcript(recording)
            _print_transcript(console, call, transcript, outcome.completed[recording])
    _print_speed(console, outcome, wall)
    if outcome.failed:
        raise DemoFailed(_failures(accepted, outcome))


async def _follow(client: Client, recordings: list[str], console: Console, began: float) -> Outcome:
    outcome = Outcome(set(recordings))
    events = client.follow({"recording": recordings})
    first = True
    while outcome.pending:
        try:
            async with asyncio.timeout(STALL):
                event = await anext(events)
        except TimeoutError:
            raise DemoFailed(
                f"{len(outcome.pending)} transcripts did not come: no event for {STALL:g} s;"
                " see the logs in the data folder, or run `echobase doctor`"
            ) from None
        if isinstance(event, Segment | Failed | Gap):
            console.print(line(event))
        if first and isinstance(event, Segment):
            first = False
            console.print(f"[dim](first words {time.monotonic() - began:.1f} s after upload)[/dim]")
        if not isinstance(event, Gap):
            outcome.note(event)
    await events.aclose()
    return outcome


def _print_transcript(
    console: Console, call: Call, transcript: Transcript, completed: Completed
) -> None:
    factor = completed.processing / transcript.duration if transcript.duration else 0.0
    head = f"{call.path.name}  {transcript.duration:.1f} s, real-time factor {factor:.2f}"
    console.print(f"[bold]{escape(head)}[/bold]")
    console.print(escape(transcript.text or "(no speech)"))


def _print_speed(console: Console, outcome: Outcome, wall: float) -> None:
    audio = sum(event.duration for event in outcome.completed.values())
    if audio:
        console.print(
            f"\n{audio:.0f} s of audio in {wall:.1f} s, upload to last word:"
            f" real-time factor {wall / audio:.2f}"
        )


def _failures(accepted: dict[str, Call], outcome: Outcome) -> str:
    lines = (
        f"{accepted[recording].path.name}: {event.reason} ({event.code})"
        for recording, event in outcome.failed.items()
    )
    return f"{len(outcome.failed)} transcripts did not come: " + "; ".join(lines)
