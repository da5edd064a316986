"""The models that a worker has in memory: its own, and at most one that a job asked for."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from services.transcriber.blocking import in_thread
from services.transcriber.choice import Choice
from services.transcriber.device import Hardware, choose, survey
from services.transcriber.engine import Engine, WhisperEngine
from services.transcriber.loaded import Load
from services.transcriber.models import FoundModel, find_configured, find_named
from services.transcriber.whisper import Whisper
from shared.errors import ModelUnavailable
from shared.settings import TranscriberSettings
from shared.settings_batching import BatchingSettings

_log = logging.getLogger(__name__)


class Engines:
    """Gives the engine for a model's name."""

    def __init__(
        self, own: Engine, load: Callable[[str], Engine], idle: float | None = None
    ) -> None:
        """`load` finds and loads a model by its name, slowly; it raises ModelUnavailable.

        `idle`: seconds after which the other model is given up if nobody uses it; None for never.
        """
        self.own = own
        self._load = load
        self._other: Engine | None = None
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self._turn = asyncio.Lock()
        self._idle = idle
        self._giving_up: asyncio.TimerHandle | None = None

    @property
    def other(self) -> str | None:
        """The name of the model in memory besides the worker's own."""
        return None if self._other is None else self._other.model.name

    @asynccontextmanager
    async def lend(self, name: str | None) -> AsyncGenerator[Engine]:
        """The engine of the model of that name; the worker's own for None.

        Another model takes the other's place only when nobody uses that any more: memory may not
        hold three. Raises ModelUnavailable.
        """
        if name is None or name == self.own.model.name:
            yield self.own
            return
        # Whoever wants another one holds the turn meanwhile, so that it cannot be passed by.
        async with self._turn:
            engine = await self._get(name)
            self._users += 1
            self._unused.clear()
            if self._giving_up is not None:
                self._giving_up.cancel()
        try:
            yield engine
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()
                if self._idle is not None:
                    loop = asyncio.get_running_loop()
                    self._giving_up = loop.call_later(self._idle, self._give_up)

    def _give_up(self) -> None:
        if self._other is not None and not self._users and not self._turn.locked():
            _log.info("model given up: nobody uses it", extra={"model": self._other.model.name})
            self._other = None

    async def _get(self, name: str) -> Engine:
        if self._other is None or self._other.model.name != name:
            await self._unused.wait()
            self._other = None
            self._other = await in_thread(lambda: self._load(name))
        return self._other


def load_own(
    settings: TranscriberSettings,
    make: Load = Whisper,
    batching: BatchingSettings | None = None,
) -> tuple[Engine, Choice]:
    """The configured model, loaded; slow, for a thread.

    Raises ModelUnavailable, or SettingError for a device that is not here.
    """
    found = find_configured(
        settings.whisper_model_name, settings.model_folder, offline=settings.offline
    )
    return load(found, settings, survey(), make, batching)


def load_named(
    name: str,
    settings: TranscriberSettings,
    make: Load = Whisper,
    batching: BatchingSettings | None = None,
) -> Engine:
    """The model that a job names, loaded; slow, for a thread. Raises ModelUnavailable."""
    fetch = settings.fetch_for_jobs and not settings.offline
    found = find_named(name, settings.model_folder, fetch=fetch)
    return load(found, settings, survey(), make, batching)[0]


def load(
    found: FoundModel,
    settings: TranscriberSettings,
    hardware: Hardware,
    make: Load = Whisper,
    batching: BatchingSettings | None = None,
) -> tuple[Engine, Choice]:
    """Load a model where it runs best; on the CPU if `auto` chose a GPU that turns out not to work.

    Raises ModelUnavailable, or SettingError.
    """
    choice = choose(settings, hardware, batching)
    try:
        whisper = make(found.folder, choice)
    except ModelUnavailable as error:
        if choice.device == "cpu" or settings.whisper_device != "auto":
            raise
        _log.warning("the GPU cannot be used, the CPU is taken: %s", error)
        return load(found, settings, replace(hardware, gpus=0), make, batching)
    _log.info(
        "model ready",
        extra={
            "model": found.name,
            "device": choice.device,
            "compute_type": choice.compute_type,
            "threads": choice.threads,
            "workers": choice.workers,
            "devices": choice.devices,
            "batch": choice.batch,
            "why": choice.reason,
        },
    )
    # On a CPU one call for many windows takes longer than a call for each; on a GPU far less.
    encodes = choice.batch if choice.device == "cuda" else 1
    return WhisperEngine(found, whisper, encodes), choice
