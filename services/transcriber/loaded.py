"""What the engine asks of a loaded model: `Whisper`, wherever it is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from services.transcriber.choice import Choice
from services.transcriber.samples import Samples
from services.transcriber.whisper import Encoded, Features, Generated, Search, Split, Task


class LoadedModel(Protocol):
    """The methods of `Whisper`; they are described there."""

    @property
    def languages(self) -> list[str]: ...

    @property
    def multilingual(self) -> bool: ...

    def features(self, samples: Samples) -> Features: ...

    def encode(self, windows: Sequence[Features]) -> list[Encoded]: ...

    def detect_language(self, encoded: Encoded) -> list[tuple[str, float]]: ...

    def prompt(self, task: Task) -> list[int]: ...

    def generate(
        self, encoded: Sequence[Encoded], prompts: Sequence[list[int]], search: Search
    ) -> list[Generated]: ...

    def split(
        self,
        encoded: Encoded,
        task: Task,
        tokens: list[int],
        *,
        seek: int,
        size: int,
        words_after: float | None,
    ) -> Split: ...


Load = Callable[[Path, Choice], LoadedModel]
"""Loads the model of a folder, slowly; raises ModelUnavailable."""
