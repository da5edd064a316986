"""Word error rate of the bundled model on each bundled sample, with faster-whisper alone.

    python -m benchmarks.samples

Each sample is decoded twice: whole, and utterance by utterance as voice activity detection cuts
it. The difference is why a model's folder says how long its chunks may be.
"""

import os
from pathlib import Path

import jiwer

from benchmarks.faster_whisper_alone import Alone
from deploy.local.samples import samples

MODEL = Path(__file__).parent.parent / "services/transcriber/demo_model"
CALL = 30.0
"""Seconds; what is longer is a conversation."""


def error_rate(said: str | list[str], heard: str | list[str]) -> float:
    """Word error rate: 0 is perfect, 1 is as many mistakes as words."""
    return float(jiwer.wer(said, heard))


def main() -> None:
    """Print the table."""
    model = Alone(MODEL, threads=os.cpu_count() or 1)
    said: list[str] = []
    heard: list[str] = []
    print(f"{'sample':24}{'seconds':>8}{'whole':>8}{'by utterance':>14}")
    for sample in samples():
        whole, cut = model.greedy(sample.path), model.by_utterance(sample.path)
        print(
            f"{sample.file:24}{sample.duration:8.1f}"
            f"{error_rate(sample.text, whole):8.1%}{error_rate(sample.text, cut):14.1%}",
            flush=True,
        )
        if sample.duration < CALL:
            said.append(sample.text)
            heard.append(cut)
    print(f"{len(said)} calls together, by utterance: {error_rate(said, heard):.1%}")


if __name__ == "__main__":
    main()
