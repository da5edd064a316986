"""Who may do what on NATS: one user per service, and one for each kind of outsider, as data.

A user's rights are built from what it does (`produce`, `consume`, `follow` ...) with the streams
and consumers of `shared.topology`, so that a new stream, or a new deed, is one line in `USERS`.
Answers come to inboxes of the user's own (`inbox_prefix`): nobody reads another's.

The rights are rendered into nats-server's configuration (`authorization`), for the local stack and
for k3s. Whatever is not listed is refused by the server: a publish is dropped, and a request gets
no answer, so a right that is missing shows as BusUnavailable and as a line in nats-server's log.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shared.key_keeper import SIGNING
from shared.subjects import dead
from shared.topology import (
    AUDIT,
    CHANNELS,
    DEAD,
    EVENTS,
    JOBS,
    KEYS,
    RECEIVERS,
    SESSIONS,
    SUBMIT,
    WEBHOOKS,
    Consumer,
    Stream,
    Topology,
    topology,
)

UserName = Literal["ingest", "transcriber", "stream", "admin", "publisher", "subscriber"]
USER_NAMES: tuple[UserName, ...] = get_args(UserName)

_API = "$JS.API"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class Rights:
    """Subjects that a user may publish and subscribe to; wildcards as NATS has them."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    answers: bool = False
    """Whether it may answer requests that reach it, wherever the asker listens."""
    never: tuple[str, ...] = ()
    """Subjects that it may not publish to, whatever else is allowed."""

    def __add__(self, other: "Rights") -> "Rights":
        return Rights(
            _once((*self.publish, *other.publish)),
            _once((*self.subscribe, *other.subscribe)),
            self.answers or other.answers,
            _once((*self.never, *other.never)),
        )


@dataclass(frozen=True)
class User:
    """A user of NATS, without its password."""

    name: UserName
    meaning: str
    """Who logs in with it."""
    rights: Rights


def inbox_prefix(user: str) -> str:
    """Under which a user's answers come: its own part of what everyone uses without users."""
    return f"_INBOX.{user}" if _PLAIN.match(user) else "_INBOX"


def make(whole: Topology) -> Rights:
    """Create and update the streams and consumers: whoever comes first does. Not delete them."""
    streams = (
        f"{_API}.STREAM.{verb}.{stream.name}"
        for stream in whole.streams
        for verb in ("INFO", "CREATE", "UPDATE")
    )
    consumers = (subject for consumer in whole.consumers for subject in _make_consumer(consumer))
    return Rights((f"{_API}.INFO", *streams, *consumers))


def produce(*subjects: str) -> Rights:
    """Publish messages, fenced and in batches too."""
    return Rights(subjects)


def produce_events(*types: str) -> Rights:
    """Publish events of these types, to any recording."""
    return produce(*(f"echobase.events.*.*.*.*.{type}" for type in types))


def consume(*consumers: Consumer) -> Rights:
    """Pull from durable consumers; acknowledge and hand back what they deliver, and only that."""
    return Rights(
        tuple(
            subject
            for each in consumers
            for subject in (
                f"{_API}.CONSUMER.MSG.NEXT.{each.stream}.{each.name}",
                f"$JS.ACK.{each.stream}.{each.name}.>",
            )
        )
    )


def look(*consumers: Consumer) -> Rights:
    """See how much waits for durable consumers."""
    return Rights(tuple(f"{_API}.CONSUMER.INFO.{each.stream}.{each.name}" for each in consumers))


def read(*streams: Stream) -> Rights:
    """Read what streams hold, message by message or in batches, and where they begin and end."""
    return Rights(
        tuple(
            f"{_API}.{what}.{stream.name}"
            for stream in streams
            for what in ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET")
        )
        # By a subject's last message: the subject follows the stream's name.
        + tuple(f"{_API}.DIRECT.GET.{stream.name}.>" for stream in streams)
    )


def follow(stream: Stream) -> Rights:
    """Have consumers of one's own on a stream, and take what they deliver."""
    name = stream.name
    return read(stream) + Rights(
        (
            f"{_API}.CONSUMER.CREATE.{name}",
            f"{_API}.CONSUMER.CREATE.{name}.>",
            f"{_API}.CONSUMER.DURABLE.CREATE.{name}.>",
            f"{_API}.CONSUMER.INFO.{name}.*",
            f"{_API}.CONSUMER.DELETE.{name}.*",
            f"{_API}.CONSUMER.MSG.NEXT.{name}.*",
            f"$JS.ACK.{name}.>",
            # What a push consumer asks before it delivers more.
            f"$JS.FC.{name}.>",
        )
    )


def spare(*consumers: Consumer) -> Rights:
    """Leave alone the durable consumers of ours on a stream that one may follow."""
    return Rights(
        never=tuple(
            subject
            for each in consumers
            for place in (f"{each.stream}.{each.name}",)
            for subject in (
                f"{_API}.CONSUMER.*.{place}",
                f"{_API}.CONSUMER.*.{place}.>",
                f"{_API}.CONSUMER.DURABLE.CREATE.{place}",
                f"{_API}.CONSUMER.MSG.NEXT.{place}",
                f"$JS.ACK.{place}.>",
            )
        )
    )


def erase(*streams: Stream) -> Rights:
    """Delete single messages."""
    return Rights(tuple(f"{_API}.STREAM.MSG.DELETE.{stream.name}" for stream in streams))


def remove(*streams: Stream) -> Rights:
    """Delete single messages, and what a stream holds of a subject."""
    return Rights(
        tuple(
            f"{_API}.STREAM.{verb}.{stream.name}"
            for stream in streams
            for verb in ("MSG.DELETE", "PURGE")
        )
    )


def announce(service: str) -> Rights:
    """Be found by `discover`: answer NATS' micro service protocol."""
    questions = ("PING", "INFO", "STATS")
    return Rights(
        subscribe=tuple(
            f"$SRV.{question}{rest}"
            for question in questions
            for rest in ("", f".{service}", f".{service}.*")
        ),
        answers=True,
    )


def discover(service: str) -> Rights:
    """Ask who announces a service."""
    return produce(f"$SRV.PING.{service}")


def admit() -> Rights:
    """Know the keys and the sessions that are over, and note who did what."""
    return follow(KEYS) + follow(SESSIONS) + produce(*AUDIT.subjects)


def _make_consumer(consumer: Consumer) -> Iterable[str]:
    place = f"{consumer.stream}.{consumer.name}"
    yield f"{_API}.CONSUMER.INFO.{place}"
    yield f"{_API}.CONSUMER.CREATE.{place}"
    yield f"{_API}.CONSUMER.CREATE.{place}.>"


def _service(name: UserName, deeds: Callable[[Topology], Rights]) -> Callable[[Topology], User]:
    def build(whole: Topology) -> User:
        return _user(name, f"the service {name}", make(whole) + deeds(whole))

    return build


def _user(name: UserName, meaning: str, deeds: Rights) -> User:
    """With the one right that everybody has: to answers of its own."""
    return User(name, meaning, deeds + Rights(subscribe=(f"{inbox_prefix(name)}.>",)))


def _consumers(whole: Topology, stream: Stream) -> tuple[Consumer, ...]:
    return tuple(consumer for consumer in whole.consumers if consumer.stream == stream.name)


def _ingest(whole: Topology) -> Rights:
    return (
        produce_events("queued", "failed", "refused", "deleted")
        + produce(*JOBS.subjects, dead("ingest"))
        # What was erased must be found wherever it waits, and here it is heard of.
        + read(SUBMIT, JOBS, DEAD, WEBHOOKS)
        + follow(EVENTS)
        + erase(SUBMIT, JOBS, DEAD, EVENTS, WEBHOOKS)
        + consume(*_consumers(whole, SUBMIT))
        + follow(CHANNELS)
        + produce(*CHANNELS.subjects)
        + discover("transcriber")
        + admit()
    )


def _transcriber(whole: Topology) -> Rights:
    return (
        produce_events("queued", "started", "segment", "completed", "failed")
        + produce(dead("transcriber"))
        + read(EVENTS)
        + follow(CHANNELS)
        + consume(*_consumers(whole, JOBS))
        + announce("transcriber")
    )


def _stream(whole: Topology) -> Rights:
    return (
        follow(EVENTS)
        + follow(CHANNELS)
        + produce_events("corrected")
        + look(*_consumers(whole, JOBS))
        + discover("transcriber")
        + admit()
        # The keys themselves are the command's alone to change.
        + produce(f"$KV.echobase-keys.{SIGNING}", *SESSIONS.subjects)
        # Webhooks: a consumer of its own for each receiver, and those that are gone switched off.
        + follow(WEBHOOKS)
        + read(RECEIVERS)
        + produce(*WEBHOOKS.subjects, *RECEIVERS.subjects, dead("stream"))
    )


def _admin(whole: Topology) -> User:
    del whole  # it may do everything, whatever there is
    return User("admin", "the topology's Job, commands, backups", Rights((">",), (">",)))


def _publisher(whole: Topology) -> User:
    asks = produce(*SUBMIT.subjects) + follow(EVENTS) + spare(*_consumers(whole, EVENTS))
    names = Rights((f"{_API}.INFO", f"{_API}.STREAM.NAMES"), ("echobase.events.>",))
    return _user("publisher", "programs that submit, and wait for the words", asks + names)


def _subscriber(whole: Topology) -> User:
    reads = follow(EVENTS) + spare(*_consumers(whole, EVENTS))
    names = Rights((f"{_API}.INFO", f"{_API}.STREAM.NAMES"), ("echobase.events.>",))
    return _user("subscriber", "programs that read the words", reads + names)


USERS: Mapping[UserName, Callable[[Topology], User]] = {
    "ingest": _service("ingest", _ingest),
    "transcriber": _service("transcriber", _transcriber),
    "stream": _service("stream", _stream),
    "admin": _admin,
    "publisher": _publisher,
    "subscriber": _subscriber,
}


def users(whole: Topology | None = None) -> tuple[User, ...]:
    """Every user, with what it may do."""
    return tuple(build(whole or topology()) for build in USERS.values())


def user(name: UserName) -> User:
    """One of them."""
    return USERS[name](topology())


def _once(subjects: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subjects))
