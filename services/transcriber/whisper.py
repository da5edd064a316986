"""faster-whisper behind a narrow, typed face; nothing else imports it.

The methods used are those of which faster-whisper's own `transcribe` is made, so that a chunk in a
whole window gives what `transcribe` gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from services.transcriber.choice import Choice
from services.transcriber.libraries import library
from services.transcriber.samples import Samples
from shared.errors import ModelUnavailable

Features = npt.NDArray[np.float32]
"""Log-mel spectrogram: bands by frames of 10 ms."""
Encoded = npt.NDArray[np.floating]
"""What the encoder made of a window: half as many rows as frames. In the host's memory, so that
windows that were encoded one by one can be decoded together."""

FRAMES_PER_SECOND = 100
WHOLE_WINDOW = 3000
"""Frames; 30 s."""
LOG_PROBABILITY = -1.0
"""A mean log probability below this is a failed attempt (faster-whisper's threshold)."""
COMPRESSION_RATIO = 2.4
"""Text that gzip shrinks by more repeats itself (faster-whisper's threshold)."""
_TOKENS_BESIDE_HOTWORDS = 100
_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - faster-whisper's own, full-width signs included


@dataclass(frozen=True)
class Search:
    """How the decoder searches for the best text."""

    beam_size: int
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    most_tokens: int | None = None
    """Of the text; None for as many as the model can."""


@dataclass(frozen=True)
class Task:
    """What the decoder is told beside the audio."""

    language: str
    task: str
    prompt: str | None
    hotwords: str | None


@dataclass(frozen=True)
class Generated:
    """What the decoder made of a window."""

    tokens: list[int]
    log_probability: float
    """Mean over the tokens."""
    no_speech: float
    """Probability, 0 to 1."""
    compression_ratio: float


class TimedWord(NamedTuple):
    """A word, in seconds from the features' beginning."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True)
class Piece:
    """Text between two time stamps, in seconds from the features' beginning."""

    start: float
    end: float
    text: str
    words: list[TimedWord]


@dataclass(frozen=True)
class Split:
    """A window's pieces, and where to go on."""

    pieces: list[Piece]
    seek: int
    """Frame up to which the window was understood."""
    last_word: float
    """End of the last word, in seconds; what was passed in, without words."""


class Whisper:
    """A loaded model. Its calls are slow, release the GIL, and may come from any thread."""

    def __init__(self, folder: Path, choice: Choice) -> None:
        """Load the model.

        Raises ModelUnavailable if it cannot be, or if the device cannot run it.
        """
        if not (folder / "tokenizer.json").is_file():
            # faster-whisper would ask the hub for one, even if told to stay offline.
            raise ModelUnavailable(f"the model folder {folder} holds no tokenizer.json")
        self._library = library("faster_whisper.transcribe")
        self._ctranslate2 = library("ctranslate2")
        self._tokenizers: dict[tuple[str, str], Any] = {}
        try:
            self._model: Any = self._library.WhisperModel(
                str(folder),
                device=choice.device,
                device_index=list(range(choice.devices)),
                compute_type=choice.compute_type,
                cpu_threads=choice.threads,
                num_workers=choice.replicas,
                local_files_only=True,
            )
            # A CUDA library that is missing shows itself only when something is computed.
            self.encode([np.zeros((self._bands, FRAMES_PER_SECOND), np.float32)])
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelUnavailable(f"the model in {folder} cannot be loaded: {reason}") from error
        self._any_tokenizer = self._tokenizer(Task(self.languages[0], "transcribe", None, None))
        self._suppressed: list[int] = list(
            self._library.get_suppressed_tokens(self._any_tokenizer, [-1])
        )

    @property
    def languages(self) -> list[str]:
        """ISO 639-1 codes."""
        return cast(list[str], self._model.supported_languages)

    @property
    def multilingual(self) -> bool:
        """Whether there is a language to detect."""
        return bool(self._model.model.is_multilingual)

    @property
    def _bands(self) -> int:
        return int(self._model.model.n_mels)

    def features(self, samples: Samples) -> Features:
        """The spectrogram of a chunk; its last frame is no content."""
        return cast(Features, self._model.feature_extractor(samples))

    def encode(self, windows: Sequence[Features]) -> list[Encoded]:
        """Run the encoder over windows of the same length.

        That is an even number of frames, at most `WHOLE_WINDOW`, and not twice the bands:
        CTranslate2 tells what is encoded from what is not by that.
        """
        encoded = self._model.model.encode(self._storage(windows), to_cpu=True)
        if encoded.dtype == self._ctranslate2.DataType.bfloat16:
            encoded = encoded.to(self._ctranslate2.DataType.float32)  # numpy has no bfloat16
        return list(cast(Encoded, np.array(encoded)))

    def detect_language(self, encoded: Encoded) -> list[tuple[str, float]]:
        """Languages with their probabilities, the likeliest first."""
        storage = self._storage([encoded])
        found = cast(list[tuple[str, float]], self._model.model.detect_language(storage)[0])
        return [(token[2:-2], probability) for token, probability in found]

    def prompt(self, task: Task) -> list[int]:
        """The tokens that the decoder is told before it speaks."""
        tokenizer = self._tokenizer(task)
        previous: list[int] = tokenizer.encode(f" {task.prompt.strip()}") if task.prompt else []
        if task.hotwords:
            # Both at their longest would leave the decoder no place for the text.
            previous = previous[-_TOKENS_BESIDE_HOTWORDS:]
        found = self._model.get_prompt(tokenizer, previous, hotwords=task.hotwords)
        return cast(list[int], found)

    def generate(
        self, encoded: Sequence[Encoded], prompts: Sequence[list[int]], search: Search
    ) -> list[Generated]:
        """Run the decoder once, without sampling: the same audio gives the same text.

        The windows must have the same length, and so must the prompts.
        """
        model = self._model
        results = model.model.generate(
            self._storage(encoded),
            list(prompts),
            beam_size=search.beam_size,
            repetition_penalty=search.repetition_penalty,
            no_repeat_ngram_size=search.no_repeat_ngram_size,
            max_length=_max_length(search.most_tokens, len(prompts[0]), model.max_length),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            # What faster-whisper does unless told otherwise.
            patience=1,
            length_penalty=1,
            suppress_blank=True,
            max_initial_timestamp_index=round(1.0 / model.time_precision),
        )
        return [self._generated(result) for result in results]

    def _generated(self, result: Any) -> Generated:  # noqa: ANN401 - CTranslate2 has no types
        tokens = list(result.sequences_ids[0])
        text = self._any_tokenizer.decode(tokens).strip()
        return Generated(
            tokens,
            # The end counts, too: as faster-whisper has it.
            float(result.scores[0]) * len(tokens) / (len(tokens) + 1),
            float(result.no_speech_prob),
            float(self._library.get_compression_ratio(text)),
        )

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
        """Cut a window's tokens at their time stamps.

        `seek` and `size` are the window's place, in frames; `words_after` is the end of the last
        word before the window, in seconds, or None if no words are wanted.
        """
        tokenizer = self._tokenizer(task)
        found: list[dict[str, Any]]
        found, after, ended = self._model._split_segments_by_timestamps(  # noqa: SLF001 - it is what transcribe itself uses, and there is no public one
            tokenizer=tokenizer,
            tokens=tokens,
            time_offset=seek / FRAMES_PER_SECOND,
            segment_size=size,
            segment_duration=size / FRAMES_PER_SECOND,
            seek=seek,
        )
        last_word = words_after or 0.0
        if words_after is not None:
            self._model.add_word_timestamps(
                [found],
                tokenizer,
                self._storage([encoded]),
                size,
                _PREPENDED,
                _APPENDED,
                last_speech_timestamp=words_after,
            )
            end = max((w["end"] for s in found for w in s["words"]), default=None)
            if end is not None:
                last_word = float(end)
                if not ended and last_word > seek / FRAMES_PER_SECOND:
                    after = round(last_word * FRAMES_PER_SECOND)
        return Split([_piece(tokenizer, segment) for segment in found], int(after), last_word)

    def _storage(self, rows: Sequence[npt.NDArray[np.floating]]) -> object:
        return self._ctranslate2.StorageView.from_array(np.stack(rows))

    def _tokenizer(self, task: Task) -> Any:  # noqa: ANN401 - faster-whisper has no types
        key = (task.task, task.language)
        if (found := self._tokenizers.get(key)) is None:
            found = self._library.Tokenizer(
                self._model.hf_tokenizer, self.multilingual, task=task.task, language=task.language
            )
            self._tokenizers[key] = found
        return found


def _max_length(most_tokens: int | None, prompt: int, longest: int) -> int:
    """What CTranslate2 is told for so many tokens: it writes half of it, and no more than is left
    of it behind the prompt."""
    if most_tokens is None:
        return longest
    return min(longest, max(2 * most_tokens, most_tokens + prompt))


def _piece(tokenizer: Any, segment: dict[str, Any]) -> Piece:  # noqa: ANN401 - as above
    words: Sequence[dict[str, Any]] = segment.get("words", ())
    return Piece(
        float(segment["start"]),
        float(segment["end"]),
        str(tokenizer.decode(segment["tokens"])).strip(),
        [
            TimedWord(float(w["start"]), float(w["end"]), str(w["word"]), float(w["probability"]))
            for w in words
        ],
    )
