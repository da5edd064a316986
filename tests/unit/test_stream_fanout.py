"""The fan-out: each live reader is sent what it wants, once and in order, in few writes."""

import asyncio
import time
from collections.abc import Callable

from services.stream.fanout import Fanout
from services.stream.filters import Wanted, parse
from services.stream.frames import Frames
from services.stream.sse import event_frame
from services.stream.wire import Framing, chunked, plain
from shared import subjects
from shared.bus import StoredMessage

ALL = parse([])
FIRE = parse([("channel", "fire")])


def message(sequence: int, channel: str = "fire") -> StoredMessage:
    subject = subjects.event("county", channel, "a" * 32, 1, "segment")
    return StoredMessage(subject, b"{}", {}, sequence)


class Written:
    """A wire that keeps what it is written."""

    def __init__(self, framing: Framing = plain) -> None:
        self.framing = framing
        self.file: int | None = None
        self.notify: Callable[[], None] = lambda: None
        self.writable, self.lost = True, False
        self.writes: list[bytes] = []
        self.then: Callable[[], None] = lambda: None

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.then()

    def abort(self) -> None:
        self.lost = True


def fanout() -> Fanout:
    made = Fanout(Frames(traced=False))
    made.begin("e", 0)
    return made


def frames(*sequences: int, channel: str = "fire") -> bytes:
    return b"".join(event_frame("e", message(n, channel)) for n in sequences)


async def test_the_first_event_is_written_in_the_same_turn_of_the_loop() -> None:
    hub, wire = fanout(), Written()
    hub.join(ALL, wire)
    hub.take([message(1)])
    await asyncio.sleep(0)
    assert wire.writes == [frames(1)]
    assert hub.flushed == 1


async def test_what_comes_soon_after_is_written_together() -> None:
    hub, wire = fanout(), Written()
    hub.join(ALL, wire)
    # As long as to some hundred readers.
    wire.then = lambda: time.sleep(0.002)
    hub.take([message(1)])
    await asyncio.sleep(0)
    hub.take([message(2)])
    hub.take([message(3), message(4)])
    await asyncio.sleep(0)
    assert wire.writes == [frames(1)]
    async with asyncio.timeout(10):
        while len(wire.writes) < 2:  # noqa: ASYNC110  the loop's own timer has no event
            await asyncio.sleep(0.001)
    assert wire.writes[1] == frames(2, 3, 4)


async def test_each_gets_what_it_wants_in_its_own_framing() -> None:
    hub = fanout()
    every, fire, other = Written(), Written(chunked), Written()
    hub.join(ALL, every)
    hub.join(FIRE, fire)
    hub.join(parse([("channel", "police")]), other)
    hub.take([message(1), message(2, "ems"), message(3)])
    hub.flush()
    both = frames(1) + frames(2, channel="ems") + frames(3)
    assert every.writes == [both]
    assert fire.writes == [chunked(frames(1, 3))]
    assert other.writes == []


async def test_who_joins_is_not_sent_what_was_pending() -> None:
    hub, early, late = fanout(), Written(), Written()
    hub.join(ALL, early)
    hub.take([message(1)])
    hub.join(ALL, late)
    hub.take([message(2)])
    hub.flush()
    assert (early.writes, late.writes) == ([frames(1), frames(2)], [frames(2)])


async def test_who_leaves_while_it_is_written_to_has_been_sent_up_to_flushed() -> None:
    hub, slow, other = fanout(), Written(), Written()
    left: list[int] = []

    def leave() -> None:
        hub.leave(ALL, slow)
        left.append(hub.flushed)

    slow.then = leave
    hub.join(ALL, slow)
    hub.join(ALL, other)
    hub.take([message(1), message(2)])
    hub.flush()
    hub.take([message(3)])
    hub.flush()
    assert (slow.writes, left) == ([frames(1, 2)], [2])
    assert other.writes == [frames(1, 2), frames(3)]


async def test_another_epoch_begins_after_what_was_pending() -> None:
    hub, wire = fanout(), Written()
    hub.join(ALL, wire)
    hub.take([message(7)])
    hub.begin("f", 0)
    hub.take([message(1)])
    hub.flush()
    assert wire.writes == [frames(7), event_frame("f", message(1))]


async def test_groups_end_with_their_last_reader() -> None:
    hub, wires = fanout(), [Written(), Written()]
    for wire in wires:
        hub.join(FIRE, wire)
    hub.leave(FIRE, wires[0])
    assert hub.readers == 1
    hub.leave(FIRE, wires[1])
    hub.join(Wanted(), wires[0])
    hub.take([message(1)])
    hub.flush()
    assert (wires[0].writes, wires[1].writes) == ([frames(1)], [])
