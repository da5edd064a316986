"""The worker: claims jobs, has several in hand, and performs what was decided about each.

Decisions are values (`Finished`, `HandBack`, and those of `shared.retry`); effects are here.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.transcriber.attempt import Attempt, Workshop, common, read
from services.transcriber.claim import Claim, Wanted, claim
from services.transcriber.held import Held
from services.transcriber.patience import Stopped
from services.transcriber.places import free_places, refill
from shared import log, object_keys, telemetry
from shared.bus import Delivery
from shared.envelope import dead_message
from shared.erasure import is_erased
from shared.errors import (
    BadMessage,
    BusUnavailable,
    FenceLost,
    StoreRefused,
    TooManyAttempts,
)
from shared.messages import Failed, Job, decode, encode
from shared.retry import Abandon, DeadLetter, Decision, RetryAfter, RetryPolicy, decide
from shared.subjects import LANES, Lane
from shared.topology import Consumer
from shared.version_state import VersionState

SERVICE = "transcriber"
_PAUSE = 1.0
"""Seconds before the bus is asked again for jobs, after it was found away."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """There is nothing left to do for the job: remove it."""


@dataclass(frozen=True)
class HandBack:
    """The process ends: let another worker have the job at once."""


Outcome = Finished | HandBack | Decision


class Worker:
    """One worker; it has up to `in_flight` jobs in hand."""

    def __init__(
        self,
        shop: Workshop,
        consumers: Sequence[Consumer],
        policy: RetryPolicy,
        stopping: asyncio.Event,
        in_flight: int = 1,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        """`consumers` in the order in which their lanes are served.

        `idle` is called when there was no work for some seconds after there was some.
        """
        self._shop = shop
        self._consumers = consumers
        self._policy = policy
        self._stopping = stopping
        self._in_flight = in_flight
        self._idle = idle
        self._rested = True
        self._versions = Held[tuple[str, int]]()
        self._hands: set[asyncio.Task[Outcome]] = set()
        self._changed = asyncio.Event()
        """The order to end came, or a hand is free again that was needed."""
        self._full: list[Lane] = []
        """Lanes that there was no room for."""

    async def run(self) -> None:
        """Work until told to end, then until all hands are empty."""
        watch = asyncio.create_task(self._watch())
        away = False
        try:
            while not self._stopping.is_set():
                try:
                    await self._take()
                except BusUnavailable as error:
                    if not away:
                        _log.warning("no jobs to be had: %s", error)
                    away = True
                    await _pause(self._stopping)
                else:
                    away = False
            self._shop.batcher.stop()
            while self._hands:
                await asyncio.wait(self._hands, return_when=asyncio.FIRST_COMPLETED)
                self._look()
        finally:
            await _end([watch, *self._hands])

    async def _take(self) -> None:
        """Take what there is room for, or wait for room."""
        self._changed.clear()
        self._look()
        in_hand = len(self._hands)
        rooms = zip(self._consumers, LANES, strict=True)
        wanted = [
            Wanted(consumer, most)
            for consumer, lane in rooms
            if (most := free_places(lane, in_hand, self._in_flight))
        ]
        if self._stopping.is_set():
            return
        self._full = [lane for lane in LANES if not free_places(lane, in_hand, self._in_flight)]
        if not wanted:
            await self._changed.wait()
            return
        jobs = await claim(self._shop.bus, wanted, self._changed)
        self._rest(busy=bool(jobs or self._hands))
        for claimed in jobs:
            hand = asyncio.create_task(self.handle(claimed))
            hand.add_done_callback(self._free)
            self._hands.add(hand)

    def _rest(self, *, busy: bool) -> None:
        if not (busy or self._rested):
            self._idle()
        self._rested = not busy

    def _free(self, hand: asyncio.Task[Outcome]) -> None:
        # With room for every lane already, a further free hand changes nothing; and to ask for
        # one job at a time costs both sides as much as to ask for several.
        in_hand = sum(not each.done() for each in self._hands)
        enough = any(
            free_places(lane, in_hand, self._in_flight) >= refill(self._in_flight)
            for lane in self._full
        )
        if enough or hand.cancelled() or hand.exception() is not None:
            self._changed.set()

    def _look(self) -> None:
        """Forget the hands that are done; raises what nobody foresaw."""
        for hand in [hand for hand in self._hands if hand.done()]:
            self._hands.discard(hand)
            hand.result()

    async def _watch(self) -> None:
        await self._stopping.wait()
        self._changed.set()

    async def handle(self, claimed: Claim) -> Outcome:
        """Do what a job asks for, and what is decided about it; returns that."""
        message = claimed.delivery.message
        async with claimed.delivery.keep_alive():
            with telemetry.consume(message.subject, message.headers, claimed.consumer.name):
                try:
                    job = decode(message.data, Job)
                except BadMessage as error:
                    return await self._settle(claimed.delivery, decide(error, 1, self._policy))
                with log.bind(recording=job.recording, version=job.version):
                    _log.debug("claimed", extra={"delivery": claimed.delivery.attempt})
                    # Of two jobs for one version the second would take the fence from the first.
                    async with self._versions.hold((job.recording, job.version)):
                        return await self._handle(claimed.delivery, job)

    async def _handle(self, delivery: Delivery, job: Job) -> Outcome:
        try:
            state = await self._shop.patience.outlast(lambda: read(self._shop.bus, job))
            # While a version's events are there it was not erased yet, and then the fence tells.
            if state.last_sequence == 0 and await self._erased(job):
                return await self._settle(delivery, Finished())
        except Stopped:
            return await self._settle(delivery, HandBack())
        attempt = Attempt(self._shop, job, state)
        outcome = refuse(state, self._policy) or await self._run(delivery, attempt, state)
        return await self._settle(delivery, outcome, job, attempt)

    async def _run(self, delivery: Delivery, attempt: Attempt, state: VersionState) -> Outcome:
        try:
            await attempt.run()
        except Stopped:
            return HandBack()
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must go somewhere
            # Where nothing was started only the deliveries tell how often it was tried.
            counted = state.attempts_without_progress + 1
            return self._decide(error, counted if attempt.started else delivery.attempt)
        return Finished()

    async def _erased(self, job: Job) -> bool:
        """Whether the job's recording was erased: whoever erased it sees to what is left."""
        erased = await self._shop.patience.outlast(
            lambda: is_erased(self._shop.store, job.recording)
        )
        if erased:
            _log.info("nothing is done: the recording was erased")
        return erased

    def _decide(self, error: Exception, attempt: int) -> Decision:
        decision = decide(error, attempt, self._policy)
        _log.warning(
            "attempt %d failed: %s: %s",
            attempt,
            type(error).__name__,
            error,
            extra={"decision": type(decision).__name__},
            exc_info=None if hasattr(error, "code") else error,
        )
        return decision

    async def _settle(
        self,
        delivery: Delivery,
        outcome: Outcome,
        job: Job | None = None,
        attempt: Attempt | None = None,
    ) -> Outcome:
        """Perform what was decided; an answer that is lost is repeated by the next delivery."""
        try:
            await self._perform(delivery, outcome, job, attempt)
        except BusUnavailable as error:
            _log.warning("the answer for a job was lost: %s", error)
        except FenceLost:
            _log.warning("another worker owns the version: its job is left alone")
            return Abandon()
        except Stopped:
            return HandBack()
        return outcome

    async def _perform(
        self, delivery: Delivery, outcome: Outcome, job: Job | None, attempt: Attempt | None
    ) -> None:
        match outcome:
            case Finished():
                await delivery.ack()
            case Abandon():
                # Any answer would be for the other worker's delivery.
                _log.warning("another worker owns the version: its job is left alone")
            case HandBack():
                if attempt is not None:
                    await attempt.hand_back()
                await delivery.hand_back()
                _log.info("handed back")
            case RetryAfter(seconds):
                await delivery.hand_back(seconds)
            case DeadLetter():
                await self._bury(delivery, outcome, job, attempt)

    async def _bury(
        self, delivery: Delivery, letter: DeadLetter, job: Job | None, attempt: Attempt | None
    ) -> None:
        if job is not None and await self._erased(job):
            # Its audio was missing for that reason, and a dead letter would be a copy of the job.
            await delivery.ack()
            return
        # In this order: whatever dies in between, the job is in the dead letters or still queued.
        message = dead_message(SERVICE, delivery.message, letter.code, letter.reason)
        await self._shop.patience.outlast(lambda: self._shop.bus.publish(message))
        if job is not None and attempt is not None:
            failed = Failed(**common(job), code=letter.code, reason=letter.reason)
            await self._note(failed)
            await self._shop.patience.finish(attempt.writer.publish(failed))
        await delivery.ack()
        _log.error("dead letter: %s", letter.reason, extra={"code": letter.code})

    async def _note(self, failed: Failed) -> None:
        """Store why there is no transcript: EVENTS forgets."""
        key = object_keys.failed(failed.recording, failed.version)
        with suppress(StoreRefused):  # the store may be what failed
            await self._shop.patience.outlast(lambda: self._shop.store.put(key, encode(failed)))


def refuse(state: VersionState, policy: RetryPolicy) -> Finished | DeadLetter | None:
    """What to do without opening the audio; None if the version is to be worked on."""
    if state.finished:
        return Finished()
    if state.attempts_without_progress >= policy.attempts:
        error = TooManyAttempts(
            f"{state.attempts_without_progress} attempts ended without an answer"
        )
        return DeadLetter(error.code, str(error))
    return None


async def _end(tasks: Sequence[asyncio.Task[None] | asyncio.Task[Outcome]]) -> None:
    for task in tasks:
        task.cancel()
    for task in (await asyncio.wait(tasks))[0]:
        if not task.cancelled():
            task.exception()  # it was raised already, or something else was before it


async def _pause(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PAUSE):
            await stopping.wait()
    except TimeoutError:
        return
