"""The streams and durable consumers of EchoBase, as data.

Whichever service starts first creates what is missing; a difference in anything that may change is
updated, anything else is reported (`Bus.ensure`). Manifests are tested against the same data.
"""

from dataclasses import dataclass, replace
from typing import Literal

from shared.subjects import LANES, Lane, job, webhook

DAY = 86_400.0
GIB = 1024**3


@dataclass(frozen=True)
class Stream:
    """A JetStream stream."""

    name: str
    subjects: tuple[str, ...]
    retention: Literal["limits", "workqueue"]
    max_age: float
    """Seconds; 0 for no limit."""
    max_bytes: int
    """Bytes; -1 for no limit."""
    discard: Literal["old", "new"]
    duplicate_window: float = 120.0
    """Seconds for which a message id is remembered."""
    allow_atomic: bool = False
    """Whether a batch may be published all or nothing."""
    max_message: int = -1
    """Bytes of one message, headers included; -1 for as much as the server takes."""
    max_per_subject: int = -1
    """Messages kept of each subject, the latest; -1 for no limit."""
    refuse_per_subject: bool = False
    """Whether a subject that holds so many refuses more, instead of dropping its oldest."""


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer; its deliveries are unlimited, since poison is counted by events."""

    name: str
    stream: str
    filters: tuple[str, ...] = ()
    """What it gets of the stream; everything if there is none."""
    ack_wait: float = 30.0
    """Seconds without a sign of life after which another worker gets the message."""
    max_ack_pending: int = 1000
    """Messages in hand, or handed back with a delay, beyond which no more are given out."""
    idle: float = 0.0
    """Seconds after which it goes by itself if nobody pulls; 0 for never. The messages stay."""
    guarded: bool = False
    """Whether outsiders may have consumers of their own on the stream, and must not change it."""


@dataclass(frozen=True)
class Topology:
    """All of them."""

    streams: tuple[Stream, ...]
    consumers: tuple[Consumer, ...]
    replicas: int = 1
    """Copies of each stream: 1, or 3 and 5 on a NATS cluster."""


def lane_consumer(lane: Lane, ack_wait: float = 30.0) -> Consumer:
    """The consumer by which transcribers pull a lane's jobs."""
    return Consumer(f"transcriber-{lane}", "JOBS", (job(lane),), ack_wait)


# Its messages are smaller than what the server takes: a dead letter has more headers, and must fit.
SUBMIT = Stream(
    "SUBMIT",
    ("echobase.submit.*.*",),
    retention="workqueue",
    max_age=0,
    max_bytes=1 * GIB,
    discard="new",
    max_message=896 * 1024,
)
# The lanes are listed literally: a job under an unknown lane is refused at publish instead of
# being stored where no consumer looks.
JOBS = Stream(
    "JOBS",
    tuple(job(lane) for lane in LANES),
    retention="workqueue",
    max_age=0,
    max_bytes=1 * GIB,
    discard="new",
)
EVENTS = Stream(
    "EVENTS",
    ("echobase.events.>",),
    retention="limits",
    max_age=7 * DAY,
    max_bytes=2 * GIB,
    discard="old",
    allow_atomic=True,
)
DEAD = Stream(
    "DEAD",
    ("echobase.dead.>",),
    retention="limits",
    max_age=30 * DAY,
    max_bytes=1 * GIB,
    discard="old",
)

# Who did what. It may lose its oldest: each record is in the log of its service too.
AUDIT = Stream(
    "AUDIT",
    ("echobase.audit.*",),
    retention="limits",
    max_age=90 * DAY,
    max_bytes=GIB // 4,
    discard="old",
)

# What is to be posted to the receivers of webhooks, a subject for each: one that is dead for days
# fills its own share and nobody else's.
WEBHOOKS = Stream(
    "WEBHOOKS",
    ("echobase.webhooks.*",),
    retention="workqueue",
    max_age=30 * DAY,
    max_bytes=GIB // 2,
    discard="new",
    # As long as the server still knows it, an event that is distributed again is posted once.
    duplicate_window=3600.0,
    max_per_subject=10_000,
    refuse_per_subject=True,
)


def bucket(name: str, max_bytes: int, max_age: float = 0) -> Stream:
    """A key-value bucket (`shared.key_value`): a stream that holds the last value of each key."""
    return Stream(
        f"KV_{name}",
        (f"$KV.{name}.>",),
        retention="limits",
        max_age=max_age,
        max_bytes=max_bytes,
        discard="new",
        max_per_subject=1,
    )


LONGEST_SESSION = 30 * DAY
KEYS = bucket("echobase-keys", max_bytes=GIB // 64)
# A session that was signed out of is remembered until it would have ended anyway.
SESSIONS = bucket("echobase-sessions", max_bytes=GIB // 64, max_age=LONGEST_SESSION + DAY)
RECEIVERS = bucket("echobase-webhooks", max_bytes=GIB // 64)

# What is known of channels: some hundred bytes each, and a site may have a hundred thousand.
CHANNELS = bucket("echobase-channels", max_bytes=GIB // 16)


@dataclass(frozen=True)
class LogLimits:
    """What a site keeps of the streams that forget."""

    events_age: float = EVENTS.max_age
    """Seconds; 0 for no limit."""
    events_bytes: int = EVENTS.max_bytes
    """Bytes; -1 for no limit."""
    dead_age: float = DEAD.max_age
    dead_bytes: int = DEAD.max_bytes


def submissions(ack_wait: float = 30.0) -> Consumer:
    """The consumer by which ingest pulls what other services submit."""
    # Without a filter: nats-server finds what a filter matches by an index that leaves out subjects
    # with the character 0x7f (its tree's own mark), and such a message would lie there unseen, and
    # for ever once those behind it were taken.
    # Those that are handed back count too: while the store is away they are few, and come slowly.
    return Consumer("ingest", SUBMIT.name, ack_wait=ack_wait, max_ack_pending=256)


def outcomes(ack_wait: float = 30.0) -> Consumer:
    """The consumer by which stream learns what is to be posted, shared by all its replicas."""
    ends = tuple(f"echobase.events.*.*.*.*.{type}" for type in ("completed", "failed"))
    return Consumer("webhooks", EVENTS.name, ends, ack_wait, guarded=True)


def receiver_queue(receiver: str, ack_wait: float = 30.0) -> Consumer:
    """The consumer by which stream pulls what one receiver of webhooks is to get."""
    return Consumer(
        f"webhook-{receiver}",
        WEBHOOKS.name,
        (webhook(receiver),),
        ack_wait,
        # What waits for its next attempt counts too: it must not keep away what is new.
        max_ack_pending=2 * WEBHOOKS.max_per_subject,
        idle=WEBHOOKS.max_age,
    )


def topology(replicas: int = 1, ack_wait: float = 30.0, logs: LogLimits | None = None) -> Topology:
    """The whole of it, with the settings that a site may choose."""
    logs = logs or LogLimits()
    return Topology(
        (
            SUBMIT,
            JOBS,
            replace(EVENTS, max_age=logs.events_age, max_bytes=logs.events_bytes),
            replace(DEAD, max_age=logs.dead_age, max_bytes=logs.dead_bytes),
            AUDIT,
            KEYS,
            SESSIONS,
            CHANNELS,
            WEBHOOKS,
            RECEIVERS,
        ),
        (
            submissions(ack_wait),
            outcomes(ack_wait),
            *(lane_consumer(lane, ack_wait) for lane in LANES),
        ),
        replicas,
    )
