"""How large a storm is, and what came of one."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """How much of what."""

    clients: int = 1000
    """That want everything."""
    choosy: int = 50
    """That want one channel."""
    stalled: int = 3
    """That never read."""
    events: int = 50_000
    parts: int = 10
    """The service's size is looked at after each of so many parts of the events."""
    storms: int = 10
    """Moments at which half of the clients leave and come back at once."""
    lulls: int = 3
    """Times at which no client reads until all are slow, and behind."""
    absent: int = 20
    """Clients of each storm that come back so late that the service has to ask JetStream."""
    anew: int = 200
    """Events of the stream that is made anew in the end."""
    heartbeat: float = 5.0
    """Seconds."""
    ring: int = 2000
    """Events that the service keeps in memory at least, and twice as many at most: fewer than a
    part of the events, so that it keeps all it ever will when its size is first looked at."""
    rotate: float = 60.0
    """Seconds after which the service asks a client to come back."""
    seconds_count: bool = True
    """Whether bounds in seconds are judged: not where other work goes on beside it."""

    @property
    def lag(self) -> int:
        """Events by which the clients may be behind on average before the publisher waits."""
        return self.ring // 2

    @property
    def environment(self) -> dict[str, str]:
        """Of the service."""
        return {
            "ECHOBASE_HEARTBEAT": str(self.heartbeat),
            "ECHOBASE_RING_EVENTS": str(self.ring),
            "ECHOBASE_ROTATE": str(self.rotate),
        }


@dataclass
class Totals:
    """What became of all clients' connections."""

    connections: int = 0
    """That were answered."""
    told: int = 0
    """That the service ended, with a hint when to come back."""
    cut: int = 0
    """That the service cut, since the client was slow."""


@dataclass
class Result:
    """What came of a storm."""

    clients: int = 0
    published: int = 0
    deliveries: int = 0
    """Events that clients were sent."""
    totals: Totals = field(default_factory=Totals)
    """Before the service's end."""
    seconds: float = 0.0
    """From the first event until everybody had the last one."""
    cpu: float = 0.0
    """Seconds of CPU that the service used in that time."""
    sizes: list[int] = field(default_factory=list[int])
    """Bytes of the service in memory, after each part of the events."""
    stalled: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    """Of each client that never read: seconds for which it was borne with, and bytes that the
    kernel held for it at most."""
    end: float = 0.0
    """Seconds from the order to stop until the service was gone."""
    findings: list[str] = field(default_factory=list[str])
    """Everything that is wrong."""
