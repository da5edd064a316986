"""faster-whisper without EchoBase: what ours is measured against. Its only door in benchmarks/.

Every way uses the bundled model, int8 on the CPU, the same number of threads, beam 1, English.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Audio = NDArray[np.float32]
Way = Callable[[Path], str]
"""Takes a file, gives its text."""


def load_audio(path: Path) -> Audio:
    """A file's audio, mono, RATE samples a second, by faster-whisper's own decoder."""
    decode: Any = import_module("faster_whisper.audio").decode_audio
    return cast(Audio, decode(str(path), sampling_rate=RATE))


class Alone:
    """A loaded model, and the ways to use it."""

    def __init__(self, model: Path, threads: int) -> None:
        self._library: Any = import_module("faster_whisper")
        self._vad: Any = import_module("faster_whisper.vad")
        self._model: Any = self._library.WhisperModel(
            str(model), device="cpu", compute_type="int8", cpu_threads=threads
        )
        self._batched: Any = self._library.BatchedInferencePipeline(self._model)

    def ways(self) -> Mapping[str, Way]:
        """Each way by its name."""
        return {
            "transcribe()": self.plain,
            "transcribe(), no fallback": self.greedy,
            "transcribe(vad_filter=True)": self.filtered,
            "BatchedInferencePipeline, 8": self.batched,
            "our chunks, 30 s windows": self.by_utterance,
        }

    def plain(self, path: Path) -> str:
        """As a script calls it: file name in, text out, temperature fallback and all."""
        return _text(self._model.transcribe(str(path), language="en", beam_size=1))

    def greedy(self, source: Path | Audio) -> str:
        """The same without fallback to higher temperatures and without earlier text."""
        audio = str(source) if isinstance(source, Path) else source
        return _text(
            self._model.transcribe(
                audio,
                language="en",
                beam_size=1,
                temperature=0.0,
                condition_on_previous_text=False,
            )
        )

    def filtered(self, path: Path) -> str:
        """With its voice activity detection: pauses cut out, speech glued together."""
        return _text(self._model.transcribe(str(path), language="en", beam_size=1, vad_filter=True))

    def batched(self, path: Path) -> str:
        """With its batching of one file's chunks."""
        return _text(self._batched.transcribe(str(path), language="en", beam_size=1, batch_size=8))

    def by_utterance(self, path: Path) -> str:
        """The chunks that EchoBase cuts for this model, each in a window of 30 s."""
        audio = load_audio(path)
        options = self._vad.VadOptions(min_silence_duration_ms=300, speech_pad_ms=150)
        cuts = cast(list[dict[str, int]], self._vad.get_speech_timestamps(audio, options))
        return " ".join(self.greedy(audio[cut["start"] : cut["end"]]) for cut in cuts)


def _text(result: tuple[Any, object]) -> str:
    return " ".join(str(segment.text).strip() for segment in result[0])
