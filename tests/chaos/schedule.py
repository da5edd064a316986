"""What is done to the stack, and when: made from a seed, so that a run can be repeated."""

import random
from dataclasses import dataclass
from typing import Literal, get_args

from shared.subjects import LANES, Lane

Target = Literal[
    "transcriber-a",
    "transcriber-b",
    "transcriber",
    "ingest",
    "stream",
    "nats-server",
    "store",
]
"""What is killed; `transcriber` is whichever has a long recording in hand."""
TARGETS: tuple[Target, ...] = get_args(Target)
KILLS_PER_EXTRA = 8
"""For so many kills each of the other disturbances comes once."""
CALM = 0.04
"""Part of the time that passes before the first disturbance."""


@dataclass(frozen=True)
class Kill:
    """`kill -9`, and started again after so many seconds."""

    target: Target
    down: float

    def __str__(self) -> str:
        return f"kill {self.target}, down for {self.down:.1f} s"


@dataclass(frozen=True)
class Pause:
    """SIGSTOP of whichever transcriber has a long recording in hand; SIGCONT once it was
    redelivered."""

    def __str__(self) -> str:
        return "pause a transcriber until its job is another's"


@dataclass(frozen=True)
class Fill:
    """The store away until the spool takes no more."""

    def __str__(self) -> str:
        return "fill the spool"


@dataclass(frozen=True)
class PowerCut:
    """What ingest has not synced is lost, while recordings wait in its spool."""

    down: float

    def __str__(self) -> str:
        return f"power cut of ingest, down for {self.down:.1f} s"


@dataclass(frozen=True)
class DeleteConsumer:
    """The durable consumer of a lane is deleted."""

    lane: Lane

    def __str__(self) -> str:
        return f"delete the consumer of lane {self.lane}"


Action = Kill | Pause | Fill | PowerCut | DeleteConsumer


@dataclass(frozen=True)
class Due:
    """An action, and when it is due, in seconds from the run's beginning."""

    at: float
    action: Action

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.action}"


def make_schedule(seed: int, kills: int, seconds: float) -> list[Due]:
    """So many kills, of every kind if there are enough, and the other disturbances among them."""
    chance = random.Random(f"schedule {seed}")
    actions = [*_kills(chance, kills), *_others(chance, kills)]
    chance.shuffle(actions)
    step = seconds * (1 - CALM) / max(1, len(actions))
    return [
        Due(round(seconds * CALM + step * (n + chance.uniform(0, 0.8)), 1), action)
        for n, action in enumerate(actions)
    ]


def _kills(chance: random.Random, count: int) -> list[Action]:
    targets: list[Target] = []
    while len(targets) < count:
        targets += chance.sample(TARGETS, len(TARGETS))
    return [Kill(target, round(_down(chance, target), 1)) for target in targets[:count]]


def _down(chance: random.Random, target: Target) -> float:
    # Long enough now and then for jobs to be redelivered and for queues to build up.
    longest = 8.0 if target in ("nats-server", "store") else 4.0
    return chance.choice((chance.uniform(0, 0.5), chance.uniform(0.5, longest)))


def _others(chance: random.Random, kills: int) -> list[Action]:
    count = -(-kills // KILLS_PER_EXTRA)
    return [
        action
        for _ in range(count)
        for action in (
            Pause(),
            Fill(),
            PowerCut(round(chance.uniform(0.1, 2), 1)),
            DeleteConsumer(chance.choice(LANES)),
        )
    ]
