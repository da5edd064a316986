"""The speech model in a process of its own, while the transcriber is developed.

`shared.reload` starts it beside the transcriber and leaves it alone when other code was saved, so
that the model is loaded once; when this module or one that it imports was saved it starts anew.
The two talk by the standard library's manager, over a socket that their user alone can reach.
"""

import os
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from multiprocessing.managers import BaseManager, BaseProxy
from pathlib import Path
from typing import cast

from services.transcriber.process import prepare

prepare()

# Only now: they import numpy.
# ruff: noqa: E402
from services.transcriber.choice import Choice
from services.transcriber.samples import Samples
from services.transcriber.whisper import (
    Encoded,
    Features,
    Generated,
    Search,
    Split,
    Task,
    Whisper,
)
from shared.reload.link import KEPT

_METHODS = (
    "languages",
    "multilingual",
    "features",
    "encode",
    "detect_language",
    "prompt",
    "generate",
)
_KEY = b"kept"
"""No secret: the socket's folder is closed to others."""
_PATIENCE = 30.0
"""Seconds for the process to listen."""


class Kept:
    """A loaded model behind methods alone: what a manager can pass on."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper

    def languages(self) -> list[str]:
        """As `Whisper` does it, here and below."""
        return self._whisper.languages

    def multilingual(self) -> bool:
        return self._whisper.multilingual

    def features(self, samples: Samples) -> Features:
        return self._whisper.features(samples)

    def encode(self, windows: list[Features]) -> list[Encoded]:
        return self._whisper.encode(windows)

    def detect_language(self, encoded: Encoded) -> list[tuple[str, float]]:
        return self._whisper.detect_language(encoded)

    def prompt(self, task: Task) -> list[int]:
        return self._whisper.prompt(task)

    def generate(
        self, encoded: list[Encoded], prompts: list[list[int]], search: Search
    ) -> list[Generated]:
        return self._whisper.generate(encoded, prompts, search)

    def split(
        self, encoded: Encoded, task: Task, tokens: list[int], place: tuple[int, int, float | None]
    ) -> Split:
        seek, size, words_after = place
        return self._whisper.split(
            encoded, task, tokens, seek=seek, size=size, words_after=words_after
        )


class KeptModel(BaseProxy):
    """The `LoadedModel` of another process."""

    _exposed_ = (*_METHODS, "split")

    @property
    def languages(self) -> list[str]:
        """As `Whisper` has it, here and below."""
        return cast(list[str], self._callmethod("languages"))

    @property
    def multilingual(self) -> bool:
        return cast(bool, self._callmethod("multilingual"))

    def features(self, samples: Samples) -> Features:
        return cast(Features, self._callmethod("features", (samples,)))

    def encode(self, windows: Sequence[Features]) -> list[Encoded]:
        return cast(list[Encoded], self._callmethod("encode", (list(windows),)))

    def detect_language(self, encoded: Encoded) -> list[tuple[str, float]]:
        return cast(list[tuple[str, float]], self._callmethod("detect_language", (encoded,)))

    def prompt(self, task: Task) -> list[int]:
        return cast(list[int], self._callmethod("prompt", (task,)))

    def generate(
        self, encoded: Sequence[Encoded], prompts: Sequence[list[int]], search: Search
    ) -> list[Generated]:
        arguments = (list(encoded), list(prompts), search)
        return cast(list[Generated], self._callmethod("generate", arguments))

    def split(
        self,
        encoded: Encoded,
        task: Task,
        tokens: list[int],
        *,
        seek: int,
        size: int,
        words_after: float | None,
    ) -> Split:
        place = (seek, size, words_after)
        return cast(Split, self._callmethod("split", (encoded, task, tokens, place)))


class _Shelf:
    def get(self, folder: str, choice: Choice) -> Kept:
        """A model, loaded unless it is there already. Raises ModelUnavailable."""
        weights = Path(folder) / "model.bin"
        return Kept(_load(folder, choice, weights.stat().st_mtime_ns))


class _ShelfProxy(BaseProxy):
    _exposed_ = ("get",)
    _method_to_typeid_ = {"get": "Kept"}  # noqa: RUF012 - as the manager wants it

    def get(self, folder: str, choice: Choice) -> KeptModel:
        return cast(KeptModel, self._callmethod("get", (folder, choice)))


class _Keeper(BaseManager):
    """The process, from either side."""


_Keeper.register("shelf", _Shelf, _ShelfProxy)
_Keeper.register("Kept", None, KeptModel, create_method=False)


@lru_cache(maxsize=2)
def _load(folder: str, choice: Choice, _changed: int) -> Whisper:
    # The worker's own, and one that a job asked for, as in `engines`.
    began = time.monotonic()
    whisper = Whisper(Path(folder), choice)
    took = time.monotonic() - began
    sys.stderr.write(
        f"reload: transcriber: model loaded in {took:.2f} s, process {os.getpid()}: {folder}\n"
    )
    return whisper


def kept_model(folder: Path, choice: Choice) -> KeptModel:
    """The model of a folder, from the process that keeps it; slow, for a thread.

    Raises ModelUnavailable.
    """
    keeper = _Keeper(os.environ[KEPT], _KEY)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            keeper.connect()
            break
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    shelf = cast(_ShelfProxy, keeper.shelf())  # type: ignore[attr-defined] # register made it
    return shelf.get(str(folder.absolute()), choice)


if __name__ == "__main__":
    _Keeper(os.environ[KEPT], _KEY).get_server().serve_forever()
