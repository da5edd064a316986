"""What comes of recordings that were submitted, followed until each has ended."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from shared.client import Accepted, Client, Gap
from shared.messages import Completed, Event, Failed


class Outcome:
    """How far the recordings have come."""

    def __init__(self, submitted: Iterable[Accepted]) -> None:
        self._versions = {each.id: each.version for each in submitted}
        self.pending = set(self._versions)
        """Ids of the recordings that have not ended."""
        self.completed: dict[str, Completed] = {}
        self.failed: dict[str, Failed] = {}

    @property
    def recordings(self) -> list[str]:
        """Ids of all the recordings."""
        return list(self._versions)

    def concerns(self, event: Event) -> bool:
        """Whether an event is of a version that was asked for, as far as that is known."""
        return event.recording in self._versions and self._versions[event.recording] in (
            None,
            event.version,
        )

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


async def follow_to_end(client: Client, outcome: Outcome) -> AsyncGenerator[Event | Gap]:
    """The recordings' events from their first on, until each recording has ended.

    Raises Refused.
    """
    if not outcome.pending:
        return
    async with aclosing(client.follow({"recording": outcome.recordings})) as events:
        async for event in events:
            if isinstance(event, Gap):
                yield event
            elif outcome.concerns(event):
                outcome.note(event)
                yield event
                if not outcome.pending:
                    return
