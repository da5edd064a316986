"""A queue, and what is shared out, on a bus and a store in memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from services.stream.recordings import Links
from services.stream.webhooks import outcomes
from services.stream.webhooks.outcomes import Outcomes
from services.stream.webhooks.posting import Answer, Poster
from services.stream.webhooks.queue import Queue
from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.receivers import Receivers
from shared import subjects, topology
from shared.bus import Fence, Message, Published, StoredMessage
from shared.envelope import DEAD_CODE, DEAD_SUBJECT, WEBHOOK_ID
from shared.errors import BusUnavailable, StreamFull
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import DEAD, EVENTS, WEBHOOKS
from tests.support.hooks import call, put, receiver, until

URL = "https://hooks.example/"
LINKS = Links("https://radio.example", "https://in.example")


class Scripted(Poster):
    """Answers as it is told, without a network."""

    def __init__(self, answer: Callable[[int], Answer] = lambda _: Answer(204)) -> None:
        self.answer = answer
        self.posts: list[tuple[str, bytes]] = []

    async def post(self, receiver: Receiver, id: str, body: bytes) -> Answer:
        del receiver
        self.posts.append((id, body))
        return self.answer(len(self.posts))


class Yard:
    """A site in memory with one receiver."""

    def __init__(self, folder: Path) -> None:
        self.bus, self.store = MemoryBus(), MemoryStore()
        self.receiver = receiver(URL)
        self.receivers = Receivers(self.bus, folder / "webhooks.json")
        self.consumer = topology.outcomes()
        self.stopping = asyncio.Event()

    async def share(self) -> None:
        """Share out what there is."""
        stopping = asyncio.Event()
        task = asyncio.create_task(Outcomes(self.bus, self.consumer, self.receivers).run(stopping))
        async with asyncio.timeout(30):
            while await self.bus.pending(self.consumer):  # noqa: ASYNC110  no event to wait for
                await asyncio.sleep(0.01)
        stopping.set()
        await task

    async def waiting(self) -> list[StoredMessage]:
        return await self.held(WEBHOOKS.name)

    async def held(self, stream: str) -> list[StoredMessage]:
        return [m async for batch in self.bus.read(stream, [">"]) for m in batch]

    async def until(self, stream: str, count: int) -> None:
        """Wait until a stream holds so many messages."""
        async with asyncio.timeout(30):
            while len(await self.held(stream)) < count:  # noqa: ASYNC110  no event to wait for
                await asyncio.sleep(0.01)

    def queue(self, poster: Poster, *waits: float) -> asyncio.Task[None]:
        made = Queue(
            self.receiver.id, self.bus, self.store, self.receivers, poster, LINKS, waits, 30.0
        )
        return asyncio.create_task(made.run(self.stopping))


@pytest.fixture
async def yard(tmp_path: Path) -> Yard:
    made = Yard(tmp_path)
    await made.bus.ensure(topology.topology())
    await put(made.bus, made.receiver)
    await made.receivers.look()
    return made


async def test_while_the_store_is_away_posts_wait_and_no_attempt_is_counted(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.stream.webhooks.queue.PAUSE", 0.01)
    await call(yard.bus, yard.store, text="words")
    await yard.share()
    yard.store.away = True
    reads = 0
    stat = yard.store.stat

    async def counted(key: str) -> object:
        nonlocal reads
        reads += 1
        return await stat(key)

    monkeypatch.setattr(yard.store, "stat", counted)
    poster = Scripted()
    task = yard.queue(poster)  # with no second attempt
    await until(lambda: reads > 20)
    yard.store.away = False
    await until(lambda: len(poster.posts) == 1)
    yard.stopping.set()
    await task
    assert b'"text":"words"' in poster.posts[0][1]
    assert await yard.waiting() == []
    assert await yard.held(DEAD.name) == []


async def test_when_it_stops_what_waits_for_the_store_is_handed_back(yard: Yard) -> None:
    await call(yard.bus, yard.store)
    await yard.share()
    yard.store.away = True
    task = yard.queue(Scripted())
    await asyncio.sleep(0.05)
    yard.stopping.set()
    async with asyncio.timeout(30):
        await task
    [delivery] = await yard.bus.fetch(topology.receiver_queue(yard.receiver.id), 1, 0)
    assert delivery.message.headers[WEBHOOK_ID]


async def test_a_message_of_nobody_s_is_a_dead_letter_at_once(yard: Yard) -> None:
    subject = subjects.webhook(yard.receiver.id)
    await yard.bus.publish(Message(subject, b"{}"))
    await yard.bus.publish(Message(subject, b"none", {WEBHOOK_ID: "1"}))
    await yard.bus.publish(Message(subject, b'{"recording": "../x"}', {WEBHOOK_ID: "2"}))
    poster = Scripted()
    task = yard.queue(poster, 1.0)
    await yard.until(DEAD.name, 3)
    yard.stopping.set()
    await task
    assert poster.posts == []
    assert {m.headers[DEAD_CODE] for m in await yard.held(DEAD.name)} == {"bad-message"}


async def test_a_fault_of_our_own_waits_and_is_given_up_like_a_failed_post(yard: Yard) -> None:
    await call(yard.bus, yard.store)
    await yard.share()

    def broken(_: int) -> Answer:
        raise RuntimeError("a fault")

    poster = Scripted(broken)
    task = yard.queue(poster, 0.01)
    await yard.until(DEAD.name, 1)
    yard.stopping.set()
    await task
    assert len(poster.posts) == 2
    assert await yard.waiting() == []


async def test_an_event_that_is_shared_out_again_is_there_once(yard: Yard) -> None:
    await call(yard.bus, yard.store)
    event = await yard.bus.last(EVENTS.name, "echobase.events.>")
    assert event
    await outcomes.give(yard.bus, yard.receiver.id, event)
    await yard.share()
    assert len(await yard.waiting()) == 1


async def test_a_receiver_whose_share_is_full_costs_only_itself(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a dead letter, which can be replayed, and the next receiver its post."""
    other = receiver(URL)
    await put(yard.bus, other)
    full = subjects.webhook(yard.receiver.id)

    publish = yard.bus.publish

    async def tight(message: Message, fence: Fence | None = None) -> Published:
        if message.subject == full:
            raise StreamFull("the subject is full")
        return await publish(message, fence)

    monkeypatch.setattr(yard.bus, "publish", tight)
    await call(yard.bus, yard.store)
    await yard.share()
    [letter] = await yard.held(DEAD.name)
    assert (letter.headers[DEAD_CODE], letter.headers[DEAD_SUBJECT]) == ("stream-full", full)
    assert [m.subject for m in await yard.waiting()] == [subjects.webhook(other.id)]


async def test_a_bus_that_goes_away_loses_nothing(yard: Yard) -> None:
    await call(yard.bus, yard.store)
    stopping = asyncio.Event()
    task = asyncio.create_task(Outcomes(yard.bus, yard.consumer, yard.receivers).run(stopping))
    yard.bus.away = True
    await asyncio.sleep(0.05)
    with pytest.raises(BusUnavailable):
        await yard.receivers.look()
    yard.bus.away = False
    await yard.until(WEBHOOKS.name, 1)
    stopping.set()
    await task
