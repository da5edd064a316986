"""Measure a model, and print the table of its card.

    python -m services.transcriber.demo_model.recipe.evaluate [FOLDER] [--sentences 400]
        [--empty 400] [--conversations 3]

Everything that is drawn is drawn from fixed seeds: two runs differ in nothing but the speed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.transcriber.demo_model.recipe import unseen
from services.transcriber.demo_model.recipe.espeak import RATE
from services.transcriber.demo_model.recipe.unseen import Call, Conversation, Utterance
from services.transcriber.demo_model.recipe.ways import Segment, Way, Ways, text
from services.transcriber.libraries import library

MODEL: Final = Path(__file__).parent.parent
NEAR: Final = 0.3
"""Seconds that a boundary may be wrong by."""
PROMPT: Final = "dispatch medic seven en route to oak street copy that"
Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    sentences: int
    empty: int
    """Clips without speech."""
    conversations: int
    seconds: float
    """How long each conversation lasts."""


def error_rate(said: Sequence[str], heard: Sequence[str]) -> float:
    """Word error rate: 0 is perfect, 1 is as many mistakes as words."""
    jiwer: Any = library("jiwer")
    return float(jiwer.wer(list(said), list(heard)))


def calls_wrong(calls: Sequence[Call], way: Way) -> float:
    """Word error rate of calls, each alone."""
    return error_rate([call.text for call in calls], [text(way(call.samples)) for call in calls])


def bounded(segments: Sequence[Segment], utterances: Sequence[Utterance]) -> float:
    """Share of segments that begin where some utterance begins, and end where one ends."""

    def near(time_: float, times: Sequence[float]) -> bool:
        return min(abs(time_ - other) for other in times) <= NEAR

    starts = [one.start for one in utterances]
    ends = [one.end for one in utterances]
    good = [near(one.start, starts) and near(one.end, ends) for one in segments]
    return sum(good) / max(1, len(good))


def silent(segments: Sequence[Segment]) -> bool:
    """Whether nothing was heard."""
    return not text(list(segments)).strip()


def evaluate(ways: Ways, size: Size, tell: Tell) -> None:
    """Measure everything, and tell each figure by its name."""
    for level in unseen.LEVELS:
        name = "clean" if level is None else f"{level:g} dB"
        calls = unseen.calls(size.sentences, level)
        tell(f"{name}, short window", _percent(calls_wrong(calls, ways.one)))
        tell(f"{name}, 30 s window", _percent(calls_wrong(calls, ways.one_whole)))
        tell(f"{name}, `transcribe`", _percent(calls_wrong(calls, ways.plain)))
    calls = unseen.calls(size.sentences, 20)
    prompted = calls_wrong(calls, lambda samples: ways.one(samples, prompt=PROMPT))
    tell("20 dB, short window, with a prompt", _percent(prompted))
    _conversations(
        [unseen.conversation(n, size.seconds) for n in range(size.conversations)], ways, tell
    )
    _empty(ways, size.empty, tell)
    tell("times real time, one core, short window", f"{_speed(calls[:50], ways.one):.0f}")


def _conversations(talks: Sequence[Conversation], ways: Ways, tell: Tell) -> None:
    said = [talk.text for talk in talks]
    for name, way in ways.ways().items():
        heard = [way(talk.samples) for talk in talks]
        tell(f"conversation, {name}", _percent(error_rate(said, [text(s) for s in heard])))
        near = [bounded(s, t.utterances) for s, t in zip(heard, talks, strict=True)]
        tell(f"boundaries within {NEAR} s, {name}", _percent(sum(near) / len(near)))
    heard = [text(ways.batched_untimed(talk.samples)) for talk in talks]
    tell("conversation, batched pipeline without time stamps", _percent(error_rate(said, heard)))


def _empty(ways: Ways, count: int, tell: Tell) -> None:
    clips = unseen.empty(count)
    tried = {"short window": ways.one, "`transcribe`": ways.plain, "EchoBase": ways.ours}
    for name, way in tried.items():
        good = sum(silent(way(clip)) for clip in clips)
        tell(f"no words without speech, {name}", _percent(good / len(clips)))


def _speed(calls: Sequence[Call], way: Way) -> float:
    began = time.process_time()
    for call in calls:
        way(call.samples)
    spent = time.process_time() - began
    return sum(len(call.samples) for call in calls) / RATE / spent


def _percent(share: float) -> str:
    return f"{share:.1%}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=MODEL)
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--empty", type=int, default=400)
    parser.add_argument("--conversations", type=int, default=3)
    options = parser.parse_args()

    def tell(name: str, figure: str) -> None:
        sys.stdout.write(f"| {name} | {figure} |\n")
        sys.stdout.flush()

    tell("measured", "figure")
    tell("---", "---")
    ways = Ways(options.folder)
    size = Size(options.sentences, options.empty, options.conversations, unseen.CONVERSATION)
    evaluate(ways, size, tell)


if __name__ == "__main__":
    main()
