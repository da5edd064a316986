"""Silero's voice activity detector, as faster-whisper brings it; nothing else imports it."""

from typing import cast

from services.transcriber.chunks import RATE
from services.transcriber.libraries import library
from services.transcriber.samples import Samples


def speech_timestamps(
    samples: Samples, shortest_pause: float, longest: float, threshold: float = 0.5
) -> list[tuple[int, int]]:
    """Start and end, in samples, of each stretch of speech; lengths are in seconds.

    A moment is speech from the probability `threshold` on. Speech of more than `longest` is cut at
    its last short silence, if it has one.
    """
    vad = library("faster_whisper.vad")
    options = vad.VadOptions(
        threshold=threshold,
        max_speech_duration_s=longest,
        min_silence_duration_ms=round(shortest_pause * 1000),
        speech_pad_ms=0,
    )
    found = cast(
        list[dict[str, int]],
        vad.get_speech_timestamps(samples, options, RATE),
    )
    return [(span["start"], span["end"]) for span in found]
