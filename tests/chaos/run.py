"""A whole run: the stack, the uploads, the clients, the disturbances, and what came of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from shared.bus import Bus
from shared.errors import BusUnavailable
from shared.messages import Options, Started
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.s3_store import S3Store
from shared.topology import EVENTS
from tests.chaos.ambush import Ambush, Baits, make_baits
from tests.chaos.checker import check
from tests.chaos.clips import Clip, Studio, unique
from tests.chaos.disturb import Disturber
from tests.chaos.door import Door, House
from tests.chaos.doors import DOORS
from tests.chaos.doors_folder import SETTLE
from tests.chaos.doors_waiting import LONGEST_WAIT
from tests.chaos.evidence import (
    EventLog,
    dead_letters,
    said_at_last,
    stored_recordings,
    stored_versions,
)
from tests.chaos.faulty import Fault
from tests.chaos.followers import Followers, plan_clients
from tests.chaos.history import Asked, History
from tests.chaos.mailbox import SETTINGS, Mailbox
from tests.chaos.poison import PLANTED, plant
from tests.chaos.producer import Producer, plan_uploads
from tests.chaos.reference import undisturbed
from tests.chaos.sayer import Sayer
from tests.chaos.schedule import Due
from tests.chaos.settle import caught_up, emptied, posted, progress, settled
from tests.chaos.stack import SERVERS, TRANSCRIBERS, Stack
from tests.chaos.summary import Figures, Result
from tests.chaos.tally import Tally
from tests.chaos.waiting import until
from tests.chaos.watch import Watch

Tell = Callable[[str], None]
_LONG_SHARE = 8
"""One recording of so many is long."""
_LONG = 40.0
"""Seconds."""
_LONGEST = 150.0
_UPLOAD_PATIENCE = 120.0


@dataclass(frozen=True)
class Plan:
    """How large a run is."""

    seed: int
    recordings: int
    seconds: float
    """From the first upload to the last."""
    schedule: Sequence[Due]
    clients: int = 20
    patience: float = 60.0
    """Seconds for which what is left over may still go."""
    faults: Sequence[Fault] = ()
    doors: Sequence[Door] = DOORS
    """By which the planned recordings are sent."""


@dataclass(frozen=True)
class Material:
    """What is sent."""

    planned: Sequence[Clip]
    """By the producer's own plan."""
    baits: Baits
    poisoned: tuple[Clip, Clip]
    by_recording: Mapping[str, Clip]
    """All of it."""


async def run(plan: Plan, folder: Path, tell: Tell) -> Result:
    """Run it, and check what came of it.

    `tell` is given a line for each thing that a person may want to see. Raises NotReady if a
    process does not come up again.
    """
    material = await asyncio.to_thread(_make, plan, folder)
    tell(f"{len(material.by_recording)} recordings made")
    stack = Stack(folder, plan.faults, **_settings(folder))
    try:
        history, figures = await _play(plan, material, stack, tell)
    finally:
        stack.end()
    tell("making the transcripts of an undisturbed run")
    references = await undisturbed(folder, material.by_recording, _wanted(history), tell)
    history = replace(history, undisturbed=references)
    return Result(history, figures, check(history))


def _settings(folder: Path) -> Mapping[str, str]:
    """Of the services, for the doors that there are."""
    return {
        **SETTINGS,
        "CALL_WATCH_PATH": str(folder / "calls"),
        "CALL_WATCH_TIMEZONE": "UTC",
        "ECHOBASE_WATCH_AFTER": "move",
        "ECHOBASE_WATCH_SETTLE": str(SETTLE),
        "ECHOBASE_WATCH_RESCAN": "5",
        "ECHOBASE_LONGEST_WAIT": str(LONGEST_WAIT),
    }


def _wanted(history: History) -> Mapping[Asked, Options]:
    """What an undisturbed run must make, with what was said of the channel when it was begun."""
    plans = {s.id: s.event.plan for s in history.events if isinstance(s.event, Started)}
    return {
        Asked(id.recording, stored.words): plans[id].options
        for id, stored in history.versions.items()
        if id in plans and id.recording not in history.poisoned
    }


def _make(plan: Plan, folder: Path) -> Material:
    clips = folder / "clips"
    clips.mkdir()
    studio = Studio(clips, plan.seed)
    planned = [
        studio.long(_LONG + n * 37 % (_LONGEST - _LONG)) if n % _LONG_SHARE == 0 else studio.short()
        for n in range(plan.recordings)
    ]
    baits, extra = make_baits(studio, plan.schedule)
    poisoned = (studio.short(), studio.short())
    return Material(planned, baits, poisoned, unique([*planned, *extra, *poisoned]))


async def _epoch(bus: Bus) -> str:
    """The epoch of EVENTS; services say that they are ready before they have made it."""

    async def made() -> bool:
        try:
            return bool(await bus.state(EVENTS.name))
        except BusUnavailable:
            return False

    await until(made, "the stream EVENTS")
    return (await bus.state(EVENTS.name)).epoch


async def _play(
    plan: Plan, material: Material, stack: Stack, tell: Tell
) -> tuple[History, Figures]:
    await stack.start(*SERVERS)
    await stack.start("ingest", "stream")
    watch = Watch({name: stack.log(name) for name in TRANSCRIBERS})
    async with _connected(stack) as (link, house):
        bus, store = house.bus, house.store
        producer = Producer(house, plan.seed, _UPLOAD_PATIENCE)
        tally = Tally()
        ambush = Ambush(stack, watch, producer, material.baits, tally)
        disturber = Disturber(stack, watch, link, ambush, tally, tell)
        epoch = await _epoch(bus)
        clients = plan_clients(plan.seed, list(material.by_recording.values()), plan.clients)
        followers = Followers(stack.stream_url, clients, plan.seed, f"{epoch}-0")
        log, mailbox = EventLog(bus), Mailbox(plan.seed)
        sayer = Sayer(house.http, house.ingest, plan.seed)
        async with mailbox.open(bus), _background(followers.run()):
            await sayer.begin()
            codes = await plant(*material.poisoned, producer, bus, store)
            await stack.start(*TRANSCRIBERS)
            began = time.monotonic()
            async with _background(progress(producer, log, clients, tell)):
                async with (
                    _background(mailbox.run()),
                    _background(sayer.run()),
                    asyncio.TaskGroup() as tasks,
                ):
                    uploads = plan_uploads(plan.seed, material.planned, plan.seconds, plan.doors)
                    tasks.create_task(producer.run(uploads))
                    tasks.create_task(disturber.run(plan.schedule))
                tell("all is sent and done: waiting for the rest")
                # The last kill may have been nats-server's.
                await link.wait_connected(_UPLOAD_PATIENCE)
                await settled(stack, producer, log)
            left = await emptied(stack, mailbox.id, plan.patience)
            await log.update()
            await caught_up(clients, log)
            await posted(mailbox, log)
        keys = [item.key async for item in store.list("")]
        history = History(
            accepted=frozenset(producer.accepted),
            not_accepted=producer.not_accepted,
            poisoned=codes,
            planted=PLANTED,
            epoch=epoch,
            events=log.events,
            dead=await dead_letters(bus),
            clients=clients,
            objects=frozenset(keys),
            versions=await stored_versions(store, keys),
            recordings=await stored_recordings(store, keys),
            wrong=producer.wrong,
            told=producer.told,
            sent=producer.sent,
            said=sayer.said,
            channels=await said_at_last(bus),
            posts=mailbox.posts,
            receiver=mailbox.id,
            traces=watch.traces(),
            leftovers=left,
            disturbances=tally.disturbances,
        )
    return history, _figures(plan, producer, tally, time.monotonic() - began)


def _figures(plan: Plan, producer: Producer, tally: Tally, seconds: float) -> Figures:
    return Figures(
        seed=plan.seed,
        seconds=seconds,
        answers=producer.statuses,
        broken=producer.broken,
        doubled=producer.doubled,
        doors=producer.doors,
        kills=tally.kills,
        others=tally.others,
    )


@asynccontextmanager
async def _connected(stack: Stack) -> AsyncGenerator[tuple[Link, House]]:
    link = Link(stack.nats_settings, "chaos")
    await link.open()
    bus, store = NatsBus(link), S3Store(stack.store_settings)
    http = httpx.AsyncClient(timeout=30.0, trust_env=False)
    try:
        yield link, House(http, stack.ingest_url, bus, store, stack.folder)
    finally:
        await http.aclose()
        await bus.close()
        await store.close()


@asynccontextmanager
async def _background(work: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    """Something that goes on while the context lasts; its failure is the context's."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
