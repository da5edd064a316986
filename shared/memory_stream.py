"""One stream, or one durable consumer of it, in memory: what JetStream does, as plain data."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from shared.bus import Fence, Message, Published, StoredMessage, StreamState
from shared.errors import BusUnavailable, DuplicateMessage, FenceLost, StreamFull
from shared.topology import Consumer, Stream


def matches(filter_subject: str, subject: str) -> bool:
    """Whether a NATS filter, with `*` for one token and `>` for the rest, matches a subject."""
    wanted, given = filter_subject.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)


class MemoryStream:
    """The messages of a stream; times are seconds of the bus's clock."""

    def __init__(self, config: Stream) -> None:
        self.config = config
        self.epoch = uuid4().hex
        self._messages: list[StoredMessage] = []
        self._times: list[float] = []
        self._ids: dict[str, tuple[int, float]] = {}
        self._bytes = 0
        self._last = 0

    @property
    def state(self) -> StreamState:
        """Where it begins and ends."""
        first = self._messages[0].sequence if self._messages else self._last + 1
        count = len(self._messages)
        return StreamState(first if self._last else 0, self._last, self.epoch, count)

    def takes(self, subject: str) -> bool:
        """Whether a message under this subject belongs here."""
        return any(matches(each, subject) for each in self.config.subjects)

    def last(self, filter_subject: str) -> StoredMessage | None:
        """The last message that a filter matches."""
        found = (m for m in reversed(self._messages) if matches(filter_subject, m.subject))
        return next(found, None)

    def select(self, filters: Sequence[str], start: int) -> Iterator[StoredMessage]:
        """What any of the filters matches, from a sequence on."""
        begin = bisect_left(self._messages, start, key=_sequence)
        for message in self._messages[begin:]:
            if any(matches(each, message.subject) for each in filters):
                yield message

    def get(self, sequence: int) -> StoredMessage | None:
        """The message of this sequence, if it is still there."""
        first = next(self.select([">"], sequence), None)
        return first if first is not None and first.sequence == sequence else None

    def holds(self, sequence: int) -> bool:
        """Whether the message of this sequence is still there."""
        return self.get(sequence) is not None

    def add(self, message: Message, fence: Fence | None, now: float) -> Published:
        """Store a message. The fence is looked at before the message id, as JetStream does."""
        self._forget(now)
        self._check(fence)
        if message.message_id in self._ids:
            return Published(self._ids[message.message_id][0], duplicate=True)
        self._replace([message])
        self._make_room([message])
        return Published(self._store(message, now), duplicate=False)

    def add_batch(self, messages: Sequence[Message], fence: Fence, now: float) -> int:
        """Store all or none."""
        self._forget(now)
        if not self.config.allow_atomic:
            raise BusUnavailable(f"{self.config.name}: atomic publish is disabled")
        self._check(fence)
        if any(message.message_id in self._ids for message in messages):
            raise DuplicateMessage(f"{messages[0].subject}: a message id is known")
        self._replace(messages)
        self._make_room(messages)
        return [self._store(message, now) for message in messages][-1]

    def remove(self, sequence: int) -> None:
        """Drop one message."""
        if self.holds(sequence):
            index = bisect_left(self._messages, sequence, key=_sequence)
            self._bytes -= _size(self._messages.pop(index))
            del self._times[index]

    def _store(self, message: Message, now: float) -> int:
        self._last += 1
        stored = StoredMessage(
            message.subject, message.data, dict(message.headers), self._last, time.time()
        )
        self._messages.append(stored)
        self._times.append(now)
        self._bytes += _size(stored)
        if message.message_id is not None:
            self._ids[message.message_id] = (self._last, now)
        return self._last

    def _check(self, fence: Fence | None) -> None:
        if fence is None:
            return
        last = self.last(fence.subjects)
        found = last.sequence if last else 0
        if found != fence.sequence:
            raise FenceLost(f"{fence.subjects}: wrong last sequence: {found}")

    def _replace(self, messages: Sequence[Message]) -> None:
        """Drop what a subject may no longer hold once these are stored."""
        most = self.config.max_per_subject
        if most < 0:
            return
        for message in messages:
            held = [m.sequence for m in self._messages if m.subject == message.subject]
            if self.config.refuse_per_subject and len(held) >= most:
                raise StreamFull(f"{message.subject}: the subject is full")
            for sequence in held[: max(0, len(held) - most + 1)]:
                self.remove(sequence)

    def _make_room(self, messages: Sequence[Message]) -> None:
        largest = max(_size(message) for message in messages)
        if 0 <= self.config.max_message < largest:
            raise BusUnavailable(f"{messages[0].subject}: the message is larger than allowed")
        limit = self.config.max_bytes
        needed = sum(_size(message) for message in messages)
        if limit < 0 or self._bytes + needed <= limit:
            return
        if self.config.discard == "new":
            raise StreamFull(f"{messages[0].subject}: the stream is full")
        while self._messages and self._bytes + needed > limit:
            self.remove(self._messages[0].sequence)

    def _forget(self, now: float) -> None:
        window = self.config.duplicate_window
        self._ids = {k: v for k, v in self._ids.items() if now - v[1] < window}
        while self.config.max_age and self._times and now - self._times[0] > self.config.max_age:
            self.remove(self._messages[0].sequence)


@dataclass
class _InHand:
    attempts: int
    due: float
    """When it may be delivered again."""
    held: bool
    """Whether a worker has it, as opposed to having handed it back."""


@dataclass
class MemoryQueue:
    """A durable pull consumer of a stream."""

    config: Consumer
    stream: MemoryStream
    _known: dict[int, _InHand] = field(default_factory=dict[int, _InHand])
    _done: set[int] = field(default_factory=set[int])
    """What was acknowledged, where the stream keeps it for others."""

    def waiting(self) -> Iterable[StoredMessage]:
        """Every message that is not acknowledged."""
        found = self.stream.select(self.config.filters or (">",), 1)
        return (message for message in found if message.sequence not in self._done)

    def take(self, count: int, now: float) -> list[tuple[StoredMessage, int]]:
        """Up to `count` messages that may be delivered now, each with its attempt."""
        taken: list[tuple[StoredMessage, int]] = []
        for message in self.waiting():
            known = self._known.get(message.sequence)
            if len(taken) < count and (known is None or known.due <= now):
                attempts = known.attempts + 1 if known else 1
                due = now + self.config.ack_wait
                self._known[message.sequence] = _InHand(attempts, due, held=True)
                taken.append((message, attempts))
        return taken

    def extend(self, sequence: int, now: float) -> None:
        """Work on it goes on."""
        if (known := self._known.get(sequence)) and known.held:
            known.due = now + self.config.ack_wait

    def hand_back(self, sequence: int, due: float) -> None:
        """It may be delivered again from `due` on."""
        if known := self._known.get(sequence):
            known.due, known.held = due, False

    def acknowledge(self, sequence: int) -> None:
        """Remove it, whoever has it now; a log keeps it all the same."""
        self._known.pop(sequence, None)
        if self.stream.config.retention == "workqueue":
            self.stream.remove(sequence)
        else:
            self._done.add(sequence)


def _sequence(message: StoredMessage) -> int:
    return message.sequence


def _size(message: Message | StoredMessage) -> int:
    headers = sum(len(name) + len(value) for name, value in message.headers.items())
    return len(message.subject) + len(message.data) + headers
