"""An engine without a model, for tests: what is said depends on the chunk's place alone."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from services.transcriber.audio import Samples
from services.transcriber.engine import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.models import FoundModel
from shared.errors import NotSupported
from shared.messages import Word


class ScriptedEngine:
    """Says the chunk's start, or what a script makes of the chunk."""

    def __init__(
        self,
        name: str = "scripted",
        traits: Traits | None = None,
        script: Callable[[Chunk], list[Spoken]] | None = None,
    ) -> None:
        """`script` may raise, or block, as a model would."""
        self._model = FoundModel(name, Path(name), traits or Traits())
        self._script = script or say_start
        self._lock = threading.Lock()
        self.decoded: list[float] = []
        """The start of each chunk that was decoded, in seconds, in order."""

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        return self._model

    def check(self, language: str) -> None:
        """Raises NotSupported for any language but English."""
        if language != "en":
            raise NotSupported(f"the model {self._model.name} does not know {language!r}")

    def detect_language(self, samples: Samples) -> str:
        """English, whatever is said."""
        del samples
        return "en"

    def decode(self, chunks: Sequence[Chunk]) -> list[list[Spoken]]:
        """What the script says of each chunk."""
        with self._lock:
            self.decoded += [chunk.start for chunk in chunks]
        return [self._script(chunk) for chunk in chunks]


def say_start(chunk: Chunk) -> list[Spoken]:
    """Two segments: the chunk's start in words, and its model."""
    end = chunk.start + len(chunk.samples) / 16_000
    middle = (chunk.start + end) / 2
    texts = (f"from {chunk.start:.3f}", f"by {chunk.plan.model}")
    return [
        Spoken(start, stop, text, 0.9, [Word(start, stop, text, 0.9)])
        for start, stop, text in zip((chunk.start, middle), (middle, end), texts, strict=True)
    ]
