"""Whether each client saw what it followed: exactly once, in order, with no gap."""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.messages import Segment
from tests.chaos.finding import Finding
from tests.chaos.history import Client, History, Seen, StoredEvent


def clients(history: History) -> Iterator[Finding]:
    """Each client saw each event of what it follows exactly once, in order, with no gap."""
    for client in history.clients:
        yield from (Finding("gap", f"{client.name}: {reason}") for reason in client.gaps)
        wanted = [
            _as_seen(history.epoch, stored)
            for stored in history.events
            if client.filter.wants(stored)
        ]
        yield from _seen(client, wanted)


def _seen(client: Client, wanted: Sequence[Seen]) -> Iterator[Finding]:
    seen = Counter(client.seen)
    for event, count in seen.items():
        if count > 1:
            yield Finding("doubled", f"{client.name} saw {_words(event)} {count} times")
    for event in wanted:
        if event not in seen:
            yield Finding("lost", f"{client.name} did not see {_words(event)}")
    for event in seen.keys() - set(wanted):
        yield Finding("client", f"{client.name} saw {_words(event)}, which it should not")
    sequences = [event.sequence for event in client.seen]
    if sequences != sorted(sequences):
        yield Finding("disordered", f"{client.name} saw events out of order")


def _as_seen(epoch: str, stored: StoredEvent) -> Seen:
    event = stored.event
    index = event.index if isinstance(event, Segment) else None
    return Seen(epoch, stored.sequence, stored.type, *stored.id, index)


def _words(event: Seen) -> str:
    number = "" if event.segment is None else f" {event.segment}"
    return f"{event.type}{number} of {event.recording} version {event.version} ({event.sequence})"
