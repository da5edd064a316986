"""What the model does next: a pure choice from the steps that wait.

Steps are served by lane, and within a lane by fair turns: each recording's steps are numbered as if
recordings spoke in turn (start-time fair queueing), so that the chunks of a long recording share
the model with short ones, and neither keeps the other waiting. What has waited long moves up a
lane, but never among the urgent.

Encoding and decoding are chosen apart. On a CPU a call that encodes many windows gains nothing,
while a call that decodes many gains much; so windows of a bucket are encoded one by one, and
decoded together once there are enough of them or nothing more of their bucket is to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.transcriber.engine import Engine
from services.transcriber.step import Step

URGENT, LIVE, BACKFILL = range(3)
AGING = 30.0
"""Seconds of waiting after which a step is served as one of the lane before its own."""


@dataclass(eq=False)
class Ticket:
    """A step that waits for the model."""

    step: Step
    engine: Engine
    rank: int
    """Of its lane."""
    turn: float
    """When it is its turn among those of its lane: the lowest comes first."""
    since: float
    """When it came, in seconds."""
    alone: bool = False
    """Whether it must not share a call."""
    ready: float | None = None
    """When it was encoded, in seconds; None if it is not."""

    def order(self, now: float) -> tuple[int, float]:
        """What comes first has the lowest."""
        aged = self.rank - int((now - self.since) / AGING)
        return (self.rank if self.rank <= LIVE else max(LIVE, aged), self.turn)

    def fits(self, other: "Ticket") -> bool:
        """Whether both may share a call."""
        return self is other or (
            self.engine is other.engine
            and not (self.alone or other.alone)
            and self.step.bucket == other.step.bucket
        )


@dataclass(frozen=True)
class Call:
    """A call of the model."""

    kind: Literal["encode", "generate"]
    tickets: Sequence[Ticket]


@dataclass(frozen=True)
class Limits:
    """What shapes a batch."""

    most: int
    """Windows that are decoded together."""
    wait: float
    """Seconds that one waits for others which are being prepared."""


@dataclass(frozen=True)
class Later:
    """Nothing is to be done before that time."""

    at: float
    """Seconds."""


def choose(
    waiting: Sequence[Ticket],
    encoding: Sequence[Ticket],
    limits: Limits,
    now: float,
    *,
    expecting: bool,
) -> Call | Later | None:
    """The next call; or when to ask again; or None if nothing is to be done.

    `encoding` is what other calls are encoding meanwhile; `expecting` whether jobs are being
    prepared that may bring more.
    """
    order = sorted(waiting, key=lambda ticket: ticket.order(now))
    later: float | None = None
    held: Call | None = None
    seen: list[Ticket] = []
    for head in order:
        if any(head.fits(other) for other in seen):
            continue
        seen.append(head)
        call = _call(head, order, limits, now)
        if call.kind == "encode" or len(call.tickets) >= limits.most or head.alone:
            return call
        if any(head.fits(other) for other in encoding):
            held = held or call
            continue
        due = min(ticket.ready or now for ticket in call.tickets) + limits.wait
        if not expecting or now >= due:
            return call
        later = due if later is None else min(later, due)
    return held if later is None else Later(later)


def _call(head: Ticket, order: Sequence[Ticket], limits: Limits, now: float) -> Call:
    """What is best done for the first of a bucket, and for its mates with it."""
    mates = [ticket for ticket in order if head.fits(ticket)]
    ready = [ticket for ticket in mates if ticket.ready is not None]
    if len(ready) < limits.most:
        # Who has precedence does not wait until others are encoded.
        rank = head.order(now)[0]
        raw = [t for t in mates if t.ready is None and t.order(now)[0] <= rank]
        if raw:
            return Call("encode", raw[: min(head.engine.encodes, limits.most)])
    return Call("generate", ready[: limits.most])
