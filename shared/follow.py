"""One ordered consumer per process, and any number of readers of it (guarantees 6 and 7).

`Follow.run` keeps the stream's latest messages in a ring. A reader that is behind is served from
the ring, or from JetStream where the ring does not reach; the moment it has caught up it is
handed each message as it comes. The switch happens without an `await` in between: no gap, no
double.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.bus import Bus, StoredMessage

Wanted = Callable[[StoredMessage], bool]
GapReason = Literal["aged-out", "unknown-epoch", "beyond-the-end", "stream-reset"]


@dataclass(frozen=True)
class Gap:
    """Messages are missing here, and why."""

    reason: GapReason


class Overrun(Exception):
    """The reader was too slow: more bytes wait for it than are allowed."""


class Follow:
    """The hub between one stream and a process's readers."""

    def __init__(
        self,
        bus: Bus,
        stream: str = "EVENTS",
        subjects: Sequence[str] = ("echobase.events.>",),
        ring: int = 20_000,
        backlog_bytes: int = 1024**2,
        replays: int = 8,
    ) -> None:
        """`ring`: messages kept in memory. `backlog_bytes`: what may wait for one reader.
        `replays`: how many reads of JetStream may run at once."""
        raise NotImplementedError

    @property
    def epoch(self) -> str:
        """The stream's epoch; empty until the bus has answered for the first time."""
        raise NotImplementedError

    @property
    def last(self) -> int:
        """Sequence of the latest message seen."""
        raise NotImplementedError

    async def run(self) -> None:
        """Follow for ever; a broker that is away is waited for."""
        raise NotImplementedError

    def subscribe(
        self,
        wanted: Wanted,
        after: int | None = None,
        replay_filters: Sequence[str] = ("echobase.events.>",),
        epoch: str | None = None,
    ) -> AsyncIterator[StoredMessage | Gap]:
        """What is wanted of the stream after a sequence, then everything wanted as it comes.

        `after` None: only what comes from now on. 0: from the first that there is, whatever has
        aged out. Otherwise a sequence that the reader has seen in `epoch` (None: this one); where
        going on from it is not possible without a loss, a Gap says so first. `replay_filters` are
        subjects that match at least what is wanted. Raises Overrun if the reader is too slow.
        """
        raise NotImplementedError
