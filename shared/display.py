"""How events look on a terminal."""

from rich.markup import escape

from shared.client import Gap
from shared.messages import Completed, Corrected, Event, Failed, Segment


def clock(seconds: float) -> str:
    """A time within a recording: `0:03.4`, `1:02:03.4`."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def line(event: Event | Gap) -> str:
    """One event as a line, in rich's markup."""
    if isinstance(event, Gap):
        return f"[yellow]gap: events may be missing here ({escape(event.reason)})[/yellow]"
    who = f"[bold]{escape(event.source)}/{escape(event.channel)}[/bold] {event.recording[:8]}"
    match event:
        case Segment():
            times = f"{clock(event.start)}-{clock(event.end)}"
            return f"{who}  {times}  [dim]{event.confidence:.2f}[/dim]  {escape(event.text)}"
        case Completed():
            return f"{who}  [green]completed[/green]: {_speed(event)}"
        case Failed():
            return f"{who}  [red]failed[/red]: {escape(event.reason)} ({escape(event.code)})"
        case Corrected():
            by = f" by {escape(event.by)}" if event.by else ""
            return f"{who}  [green]corrected[/green]: version {event.base}{by}"
        case _:
            return f"{who}  [dim]{event.type}[/dim]"


def _speed(event: Completed) -> str:
    return f"{event.duration:.1f} s of audio in {event.processing:.1f} s, model {event.model}"
