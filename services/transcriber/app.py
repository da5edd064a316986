"""The transcriber's process: its parts, put together, started and ended."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from services.transcriber.attempt import Workshop
from services.transcriber.batcher import AHEAD, Batcher
from services.transcriber.blocking import in_background, in_thread
from services.transcriber.choice import Choice
from services.transcriber.engine import Engine
from services.transcriber.engines import Engines, load_named, load_own
from services.transcriber.loaded import Load
from services.transcriber.models import at_hand
from services.transcriber.patience import Patience, Stopped, end
from services.transcriber.schedule import Limits
from services.transcriber.speech import warm_up
from services.transcriber.suspects import Suspects
from services.transcriber.turns import Turns
from services.transcriber.whisper import Whisper
from services.transcriber.work_folder import work_folder
from services.transcriber.worker import SERVICE, Worker
from shared.allocator import trim
from shared.bus import Bus
from shared.channel_book import ChannelBook
from shared.health import OK, Health, Result, degraded, failed
from shared.lifecycle import Lifecycle
from shared.nats_bus import connect
from shared.object_store import ObjectStore
from shared.retry import RetryPolicy
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings, TranscriberSettings
from shared.settings_batching import MOST_IN_FLIGHT, BatchingSettings
from shared.settings_guards import GuardSettings
from shared.settings_keeping import KeepingSettings
from shared.subjects import LANES
from shared.topology import Consumer, lane_consumer, topology

_log = logging.getLogger(__name__)
_CHUNK_SHARE = 0.8
"""Of the grace, for the chunk in hand; the rest is for handing back."""
_CHANNELS = 10.0
"""Seconds within which the bucket of channels must be read."""


async def main(life: Lifecycle, load: Load = Whisper) -> None:
    """Serve health and work on jobs until told to end; `load` gets models into memory.

    Raises SettingError, or ModelUnavailable if the configured model cannot be had.
    """
    service = Service(life, load)
    failures: list[Exception] = []

    async def work() -> None:
        try:
            await service.run()
        except Exception as error:  # noqa: BLE001 - raised below, once the server has ended politely
            failures.append(error)
        finally:
            life.stopping.set()

    async with asyncio.TaskGroup() as tasks:
        # Health first: a model may take minutes to load, and that is no reason for a restart.
        tasks.create_task(
            life.serve(service.health, service.settings.transcriber_port, announce=False)
        )
        tasks.create_task(work())
    for error in failures:
        raise error


class Service:
    """One transcriber."""

    def __init__(self, life: Lifecycle, load: Load = Whisper) -> None:
        """Raises SettingError."""
        self._life = life
        self._load = load
        self._began = time.monotonic()
        self.settings = life.load(TranscriberSettings)
        self._batching = life.load(BatchingSettings)
        self._guards = life.load(GuardSettings)
        self._nats = life.load(NatsSettings)
        self._logs = life.load(KeepingSettings).logs()
        self._store = S3Store(life.load(StoreSettings))
        self._bus: Bus | None = None
        self._patience = Patience(life.stopping)
        self.worker = f"{socket.gethostname()}-{os.getpid()}"
        self.health = Health(
            {"bus": self._check_bus, "store": self._check_store},
            service="transcriber",
            stopping=life.stopping,
        )

    async def run(self) -> None:
        """Start, work, end."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._store.close)
            try:
                bus, engine, choice = await self._patience.finish(self._start())
            except Stopped:
                return
            stack.push_async_callback(bus.close)
            folder = stack.enter_context(work_folder())
            book = ChannelBook(bus, self._life.site.data / "channels.transcriber.json")
            stack.push_async_callback(end, asyncio.create_task(book.run()))
            try:
                await self._patience.finish(_know(book))
            except Stopped:
                return
            await self._announce(bus, engine, choice)
            await self._worker(bus, engine, choice, folder, book).run()

    async def _start(self) -> tuple[Bus, Engine, Choice]:
        # Together: libraries and weights come from the disk while the bus is being reached.
        connecting = asyncio.ensure_future(self._connect())
        warming = asyncio.ensure_future(in_thread(warm_up))
        try:
            engine, choice = await in_thread(
                lambda: load_own(self.settings, self._load, self._batching)
            )
            await warming
            return await connecting, engine, choice
        finally:
            await end(connecting)
            await end(warming)

    async def _connect(self) -> Bus:
        self._bus = bus = await connect(self._nats, self.worker)
        wanted = topology(self._nats.nats_replicas, self._nats.ack_wait, self._logs)
        await self._patience.outlast(lambda: bus.ensure(wanted))
        return bus

    async def _announce(self, bus: Bus, engine: Engine, choice: Choice) -> None:
        model = engine.model
        metadata = {
            "worker": self.worker,
            "model": model.name,
            "models": ",".join(at_hand(self.settings)),
            "device": choice.device,
            "compute_type": choice.compute_type,
            "notice": model.traits.notice,
        }
        await self._patience.outlast(lambda: bus.announce(SERVICE, metadata))
        if model.traits.notice:
            _log.warning(model.traits.notice)
        self.health.mark_started()
        _log.info("started up", extra={"seconds": round(time.monotonic() - self._began, 3)})
        self._life.ready(f"http://{self._life.site.bind}:{self.settings.transcriber_port}")

    def _worker(
        self, bus: Bus, engine: Engine, choice: Choice, folder: Path, book: ChannelBook
    ) -> Worker:
        settings, batching = self.settings, self._batching
        in_flight = batching.in_flight or min(MOST_IN_FLIGHT, AHEAD * choice.workers * choice.batch)
        turns = Turns(choice.workers)
        limits = Limits(choice.batch, batching.batch_wait_ms / 1000)
        shop = Workshop(
            bus=bus,
            store=self._store,
            engines=Engines(
                engine,
                lambda name: load_named(name, settings, self._load, batching),
                batching.model_idle or None,
            ),
            batcher=Batcher(choice.workers, limits, turns, self._life.stopping),
            turns=turns,
            suspects=Suspects(),
            settings=settings,
            patience=self._patience,
            worker=self.worker,
            folder=folder,
            chunk_allowance=_CHUNK_SHARE * self._life.grace,
            channels=book.find,
            guards=self._guards,
        )
        policy = RetryPolicy(settings.attempts, settings.retry_first, settings.retry_longest)
        lanes = consumers(self._nats.ack_wait)
        return Worker(
            shop, lanes, policy, self._life.stopping, in_flight, lambda: in_background(trim)
        )

    async def _check_bus(self) -> Result:
        if self._bus is None or not await self._bus.ready():
            return failed("NATS is away: no jobs can be had")
        return OK

    async def _check_store(self) -> Result:
        store: ObjectStore = self._store
        return OK if await store.ready() else degraded("the store is away: jobs wait for it")


async def _know(book: ChannelBook) -> None:
    """What is said of channels must be known before a version is planned."""
    await book.load()
    if not await book.until_read(_CHANNELS):
        _log.warning("what is said of channels cannot be read: what was known counts")


def consumers(ack_wait: float) -> Sequence[Consumer]:
    """The lanes' consumers, the most urgent first; `ack_wait` in seconds."""
    return [lane_consumer(lane, ack_wait) for lane in LANES]
