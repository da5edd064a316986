"""The engine: a loaded model that answers the steps of many chunks with one call."""

from collections.abc import Sequence
from typing import Protocol

from services.transcriber.chunk import Chunk
from services.transcriber.decoding import decoding, pad
from services.transcriber.loaded import LoadedModel
from services.transcriber.models import FoundModel
from services.transcriber.samples import Samples
from services.transcriber.step import Decoding, Step
from services.transcriber.whisper import WHOLE_WINDOW, Encoded, Generated
from shared.errors import NotSupported


class Engine(Protocol):
    """A loaded model. Its methods are slow, and block: call them in a thread."""

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        ...

    @property
    def encodes(self) -> int:
        """How many windows are best encoded with one call."""
        ...

    def detect_language(self, samples: Samples) -> str:
        """The language spoken in the first 30 s of the samples.

        An ISO 639-1 code. It depends on the audio and the model alone.
        """
        ...

    def check(self, language: str) -> None:
        """Raises NotSupported if the model does not know the language."""
        ...

    def begin(self, chunk: Chunk) -> Decoding:
        """The chunk's decoding; what it gives does not depend on whose steps share its calls."""
        ...

    def encode(self, steps: Sequence[Step]) -> list[Encoded]:
        """Run the encoder over the windows of steps of one bucket."""
        ...

    def generate(self, steps: Sequence[Step]) -> list[Generated]:
        """Run the decoder over steps of one bucket, which are encoded."""
        ...


class WhisperEngine:
    """The engine on faster-whisper."""

    def __init__(self, model: FoundModel, whisper: LoadedModel, encodes: int = 1) -> None:
        """`whisper` is the loaded `model`."""
        self._model = model
        self._whisper = whisper
        self._encodes = encodes
        known = model.traits.languages
        self._languages = [c for c in whisper.languages if known is None or c in known]

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        return self._model

    @property
    def encodes(self) -> int:
        """How many windows are best encoded with one call: one on a CPU, many on a GPU."""
        return self._encodes

    def check(self, language: str) -> None:
        """Raises NotSupported if the model does not know the language."""
        if language not in self._languages:
            known = ", ".join(self._languages)
            raise NotSupported(
                f"the model {self._model.name} does not know the language {language!r}: {known}"
            )

    def detect_language(self, samples: Samples) -> str:
        """The language spoken in the first 30 s of the samples."""
        if len(self._languages) == 1 or not self._whisper.multilingual:
            return self._languages[0]
        features = self._whisper.features(samples)[:, :WHOLE_WINDOW]
        (encoded,) = self._whisper.encode([pad(features, WHOLE_WINDOW)])
        found = self._whisper.detect_language(encoded)
        return next(code for code, _ in found if code in self._languages)

    def begin(self, chunk: Chunk) -> Decoding:
        """The chunk's decoding, with its spectrogram made already."""
        return decoding(self._whisper, chunk)

    def encode(self, steps: Sequence[Step]) -> list[Encoded]:
        """Run the encoder over the windows of steps of one bucket."""
        return self._whisper.encode([step.window for step in steps])

    def generate(self, steps: Sequence[Step]) -> list[Generated]:
        """Run the decoder over steps of one bucket, which are encoded."""
        encoded = [step.encoded for step in steps if step.encoded is not None]
        return self._whisper.generate(encoded, [s.prompt for s in steps], steps[0].search)
