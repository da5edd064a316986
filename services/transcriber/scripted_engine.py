"""An engine without a model, for tests: what is said depends on the chunk's place alone."""

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.models import FoundModel
from services.transcriber.samples import Samples
from services.transcriber.step import Decoding, Step
from services.transcriber.whisper import Encoded, Generated, Search
from shared.errors import NotSupported
from shared.messages import Word


@dataclass(eq=False, kw_only=True)
class _Scripted(Step):
    """A step that is a whole chunk."""

    chunk: Chunk
    spoken: list[Spoken] | None = None


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
        self.calls: list[int] = []
        """How many chunks shared each call of the model."""

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        return self._model

    @property
    def encodes(self) -> int:
        """There is nothing to gain."""
        return 1

    def check(self, language: str) -> None:
        """Raises NotSupported for any language but English."""
        if language != "en":
            raise NotSupported(f"the model {self._model.name} does not know {language!r}")

    def detect_language(self, samples: Samples) -> str:
        """English, whatever is said."""
        del samples
        return "en"

    def begin(self, chunk: Chunk) -> Decoding:
        """One step."""
        return _decode(chunk)

    def encode(self, steps: Sequence[Step]) -> list[Encoded]:
        """Nothing."""
        return [np.zeros(0, np.float32) for _ in steps]

    def generate(self, steps: Sequence[Step]) -> list[Generated]:
        """What the script says of each chunk, or raises of one."""
        with self._lock:
            self.calls.append(len(steps))
        for step in steps:
            assert isinstance(step, _Scripted)  # noqa: S101 - of those that began here
            if step.spoken is None:
                with self._lock:
                    self.decoded.append(step.chunk.start)
                step.spoken = self._script(step.chunk)
        return [Generated([], 0.0, 0.0, 1.0) for _ in steps]


def _decode(chunk: Chunk) -> Generator[Step, Generated, list[Spoken]]:
    step = _Scripted(np.zeros((1, 2), np.float32), [], Search(1), chunk=chunk)
    yield step
    return step.spoken or []


def say_start(chunk: Chunk) -> list[Spoken]:
    """Two segments: the chunk's start in words, and its model."""
    end = chunk.start + len(chunk.samples) / 16_000
    middle = (chunk.start + end) / 2
    texts = (f"from {chunk.start:.3f}", f"by {chunk.plan.model}")
    return [
        Spoken(start, stop, text, 0.9, [Word(start, stop, text, 0.9)])
        for start, stop, text in zip((chunk.start, middle), (middle, end), texts, strict=True)
    ]
