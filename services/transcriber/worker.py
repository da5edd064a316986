"""The worker: claims jobs one after another, and performs what was decided about each.

Decisions are values (`Finished`, `HandBack`, and those of `shared.retry`); effects are here.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.transcriber.attempt import Attempt, Workshop, common, read
from services.transcriber.claim import Claim, claim
from services.transcriber.patience import Stopped
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
    """One worker; it has one job in hand at a time."""

    def __init__(
        self,
        shop: Workshop,
        consumers: Sequence[Consumer],
        policy: RetryPolicy,
        stopping: asyncio.Event,
    ) -> None:
        """`consumers` in the order in which their lanes are served."""
        self._shop = shop
        self._consumers = consumers
        self._policy = policy
        self._stopping = stopping

    async def run(self) -> None:
        """Work until told to end."""
        away = False
        while not self._stopping.is_set():
            try:
                claimed = await claim(self._shop.bus, self._consumers, self._stopping)
            except BusUnavailable as error:
                if not away:
                    _log.warning("no jobs to be had: %s", error)
                away = True
                await _pause(self._stopping)
                continue
            away = False
            if claimed is not None:
                await self.handle(claimed)

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
                    return await self._handle(claimed.delivery, job)

    async def _handle(self, delivery: Delivery, job: Job) -> Outcome:
        try:
            state = await self._shop.patience.outlast(lambda: read(self._shop.bus, job))
            if await self._erased(job):
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


async def _pause(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PAUSE):
            await stopping.wait()
    except TimeoutError:
        return
