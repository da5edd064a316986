"""What is done to the stack, and when: made from a seed, so that a run can be repeated."""

import random
from dataclasses import dataclass
from typing import Literal, get_args

from shared.subjects import LANES, Lane

Service = Literal["ingest", "stream", "transcriber-a", "transcriber-b"]
Server = Literal["nats-server", "store"]
Target = Literal[Service, Server, "transcriber"]
"""What is killed; `transcriber` is whichever has a long recording in hand."""
SERVICES: tuple[Service, ...] = get_args(Service)
TARGETS: tuple[Target, ...] = (*SERVICES, "nats-server", "store", "transcriber")
FREEZABLE: tuple[Service | Server, ...] = ("nats-server", "store", "ingest", "stream")
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
class Stop:
    """SIGTERM, and started again once it has ended."""

    target: Service

    def __str__(self) -> str:
        return f"stop {self.target} politely"


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP: it is there and does not answer; SIGCONT after so many seconds."""

    target: Service | Server
    seconds: float

    def __str__(self) -> str:
        return f"freeze {self.target} for {self.seconds:.1f} s"


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
class Outage:
    """Both servers away while recordings are sent."""

    def __str__(self) -> str:
        return "both servers away while recordings come"


@dataclass(frozen=True)
class PowerCut:
    """What ingest has not synced is lost, while recordings wait in its spool."""

    down: float

    def __str__(self) -> str:
        return f"power cut of ingest, down for {self.down:.1f} s"


@dataclass(frozen=True)
class Blackout:
    """Everything at once, and what ingest has not synced is lost."""

    down: float

    def __str__(self) -> str:
        return f"power cut of everything, down for {self.down:.1f} s"


@dataclass(frozen=True)
class DeleteConsumer:
    """The durable consumer of a lane is deleted."""

    lane: Lane

    def __str__(self) -> str:
        return f"delete the consumer of lane {self.lane}"


Action = Kill | Stop | Freeze | Pause | Fill | Outage | PowerCut | Blackout | DeleteConsumer


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
    return [Kill(target, _down(chance, target)) for target in targets[:count]]


def _down(chance: random.Random, target: Target) -> float:
    # Long enough now and then for jobs to be redelivered and for queues to build up.
    longest = 8.0 if target in ("nats-server", "store") else 4.0
    return _seconds(chance, 0, chance.choice((0.5, longest)))


def _others(chance: random.Random, kills: int) -> list[Action]:
    return [action for _ in range(-(-kills // KILLS_PER_EXTRA)) for action in _each(chance)]


def _each(chance: random.Random) -> tuple[Action, ...]:
    return (
        Pause(),
        Fill(),
        Outage(),
        PowerCut(_seconds(chance, 0.1, 2)),
        Blackout(_seconds(chance, 0.1, 2)),
        DeleteConsumer(chance.choice(LANES)),
        Stop(chance.choice(SERVICES)),
        Freeze(chance.choice(FREEZABLE), _seconds(chance, 0.5, 8)),
    )


def _seconds(chance: random.Random, least: float, most: float) -> float:
    return round(chance.uniform(least, most), 1)
