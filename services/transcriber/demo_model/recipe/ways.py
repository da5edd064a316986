"""The ways to use the model: faster-whisper's plain one, its batched one, and EchoBase's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from services.transcriber.audio import Audio
from services.transcriber.choice import Choice
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE, plan_chunks
from services.transcriber.demo_model.recipe.espeak import Samples
from services.transcriber.direct import decode_alone, decode_together
from services.transcriber.engine import WhisperEngine
from services.transcriber.libraries import library
from services.transcriber.model_folder import read_traits
from services.transcriber.models import FoundModel
from services.transcriber.plan import make_plan
from services.transcriber.speech import find_speech
from services.transcriber.whisper import Whisper
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings


@dataclass(frozen=True)
class Segment:
    """What was said between two times, in seconds."""

    start: float
    end: float
    text: str


_SEED = 1

Way = Callable[[Samples], list[Segment]]


def text(segments: list[Segment]) -> str:
    """All that was said."""
    return " ".join(segment.text for segment in segments if segment.text)


class Ways:
    """A model, loaded for each way with one thread."""

    def __init__(self, folder: Path) -> None:
        # What does not come out at first is tried again with words that are drawn.
        library("ctranslate2").set_random_seed(_SEED)
        fast: Any = library("faster_whisper")
        self._plain: Any = fast.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=1
        )
        self._batched: Any = fast.BatchedInferencePipeline(self._plain)
        traits = read_traits(folder)
        found = FoundModel("demo", folder, traits)
        self._engine = WhisperEngine(found, Whisper(folder, Choice("cpu", "int8", 1, 1, 8, "")))
        self._plan = make_plan(Options(), TranscriberSettings(), "demo", traits)

    def ways(self) -> Mapping[str, Way]:
        """For recordings of any length, each by its name."""
        return {
            "`transcribe`": self.plain,
            "batched pipeline": self.batched,
            "EchoBase": self.ours,
        }

    def plain(self, samples: Samples) -> list[Segment]:
        """faster-whisper's `transcribe`, as it is called without options: with a beam of 5."""
        return _segments(self._plain.transcribe(samples, language="en"))

    def batched(self, samples: Samples) -> list[Segment]:
        """faster-whisper's batched pipeline, asked for time stamps."""
        return _segments(
            self._batched.transcribe(samples, language="en", batch_size=8, without_timestamps=False)
        )

    def batched_untimed(self, samples: Samples) -> list[Segment]:
        """faster-whisper's batched pipeline, as it is called without options."""
        return _segments(self._batched.transcribe(samples, language="en", batch_size=8))

    def ours(self, samples: Samples) -> list[Segment]:
        """Chunks as EchoBase cuts them, decoded together."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "samples"
            np.rint(samples.clip(-1, 1 - 1 / 32_768) * 32_768).astype(np.int16).tofile(file)
            audio = Audio(file)
            spans = plan_chunks(find_speech(audio, self._plan), audio.total, self._plan)
            chunks = [Chunk(audio.read(s), s.start / RATE, self._plan, "en") for s in spans]
            return [
                segment
                for found in decode_together(self._engine, chunks)
                for segment in _spoken(found)
            ]

    def one(self, samples: Samples, *, prompt: str | None = None) -> list[Segment]:
        """A call that is one chunk, in a short window."""
        return self._decoded(samples, self._prompted(prompt))

    def one_whole(self, samples: Samples) -> list[Segment]:
        """A call that is one chunk, in a window of 30 s."""
        return self._decoded(samples, msgspec.structs.replace(self._plan, window_margin=None))

    def _prompted(self, prompt: str | None) -> Plan:
        options = msgspec.structs.replace(self._plan.options, prompt=prompt)
        return msgspec.structs.replace(self._plan, options=options)

    def _decoded(self, samples: Samples, plan: Plan) -> list[Segment]:
        return _spoken(decode_alone(self._engine, Chunk(samples, 0.0, plan, "en")))


def _spoken(found: list[Spoken]) -> list[Segment]:
    return [Segment(one.start, one.end, one.text) for one in found]


def _segments(result: tuple[Any, object]) -> list[Segment]:
    return [Segment(float(s.start), float(s.end), str(s.text).strip()) for s in result[0]]
