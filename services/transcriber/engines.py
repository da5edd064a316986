"""The models that a worker has in memory: its own, and at most one that a job asked for."""

import asyncio
import logging
from collections.abc import Callable
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

_log = logging.getLogger(__name__)


class Engines:
    """Gives the engine for a model's name."""

    def __init__(self, own: Engine, load: Callable[[str], Engine]) -> None:
        """`load` finds and loads a model by its name, slowly; it raises ModelUnavailable."""
        self.own = own
        self._load = load
        self._other: Engine | None = None
        self._loading = asyncio.Lock()

    async def get(self, name: str | None) -> Engine:
        """The engine of the model of that name; the worker's own for None.

        Raises ModelUnavailable.
        """
        if name is None or name == self.own.model.name:
            return self.own
        async with self._loading:
            if self._other is None or self._other.model.name != name:
                self._other = None  # before the next one: memory may not hold three
                self._other = await in_thread(lambda: self._load(name))
            return self._other


def load_own(settings: TranscriberSettings, make: Load = Whisper) -> tuple[Engine, Choice]:
    """The configured model, loaded; slow, for a thread.

    Raises ModelUnavailable, or SettingError for a device that is not here.
    """
    found = find_configured(
        settings.whisper_model_name, settings.model_folder, offline=settings.offline
    )
    return load(found, settings, survey(), make)


def load_named(name: str, settings: TranscriberSettings, make: Load = Whisper) -> Engine:
    """The model that a job names, loaded; slow, for a thread. Raises ModelUnavailable."""
    fetch = settings.fetch_for_jobs and not settings.offline
    found = find_named(name, settings.model_folder, fetch=fetch)
    return load(found, settings, survey(), make)[0]


def load(
    found: FoundModel, settings: TranscriberSettings, hardware: Hardware, make: Load = Whisper
) -> tuple[Engine, Choice]:
    """Load a model where it runs best; on the CPU if `auto` chose a GPU that turns out not to work.

    Raises ModelUnavailable, or SettingError.
    """
    choice = choose(settings, hardware)
    try:
        whisper = make(found.folder, choice)
    except ModelUnavailable as error:
        if choice.device == "cpu" or settings.whisper_device != "auto":
            raise
        _log.warning("the GPU cannot be used, the CPU is taken: %s", error)
        return load(found, settings, replace(hardware, gpus=0), make)
    _log.info(
        "model ready",
        extra={
            "model": found.name,
            "device": choice.device,
            "compute_type": choice.compute_type,
            "threads": choice.threads,
            "why": choice.reason,
        },
    )
    return WhisperEngine(found, whisper), choice
