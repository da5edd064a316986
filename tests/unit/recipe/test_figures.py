"""How well the bundled model hears: worse than this, and the model, the decoding or the way of the
audio to it has broken. `evaluate.py` measures more, and on more.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from services.transcriber.demo_model.recipe import unseen
from services.transcriber.demo_model.recipe.espeak import Samples
from services.transcriber.demo_model.recipe.evaluate import (
    Size,
    bounded,
    calls_wrong,
    error_rate,
    evaluate,
    silent,
)
from services.transcriber.demo_model.recipe.export import export
from services.transcriber.demo_model.recipe.model_file import read_weights
from services.transcriber.demo_model.recipe.unseen import Conversation, Utterance
from services.transcriber.demo_model.recipe.ways import Segment, Ways, text
from services.transcriber.models import DEMO_FOLDER

CALLS = 40
WRONG = 0.02
"""Most wrong words in calls at 20 dB, in voices and sentences that no training has."""
LOUD_NOISE_WRONG = 0.08
"""The same at 5 dB."""
CONVERSATION_WRONG = 0.03
"""Most wrong words in conversations whose utterances are decoded alone."""
LONG_WINDOWS_WRONG = 0.03
"""The same by faster-whisper's own ways, with many utterances in a window."""
BOUNDED = 0.85
"""Least share of conversations' segments that begin and end within 0.3 s."""
SILENT = 0.95
"""Least share of clips without speech that give no words."""


@pytest.fixture(scope="module")
def ways() -> Ways:
    return Ways(DEMO_FOLDER)


@pytest.fixture(scope="module")
def talks() -> Sequence[Conversation]:
    """Two of a minute."""
    return [unseen.conversation(number, 60) for number in range(2)]


def conversations_wrong(talks: Sequence[Conversation], heard: Sequence[list[Segment]]) -> float:
    """Word error rate of all of them."""
    return error_rate([talk.text for talk in talks], [text(segments) for segments in heard])


def share_bounded(talks: Sequence[Conversation], heard: Sequence[list[Segment]]) -> float:
    """The conversations' mean share of segments that begin and end within 0.3 s."""
    shares = [bounded(h, t.utterances) for h, t in zip(heard, talks, strict=True)]
    return sum(shares) / len(shares)


def test_calls_are_heard(ways: Ways) -> None:
    assert calls_wrong(unseen.calls(CALLS, 20), ways.one) < WRONG


def test_calls_are_heard_in_loud_noise(ways: Ways) -> None:
    assert calls_wrong(unseen.calls(CALLS, 5), ways.one) < LOUD_NOISE_WRONG


def test_a_short_window_hears_as_well_as_a_whole_one(ways: Ways) -> None:
    calls = unseen.calls(CALLS, 20)
    assert calls_wrong(calls, ways.one) < calls_wrong(calls, ways.one_whole) + 0.02


def test_conversations_are_heard_and_their_parts_are_where_they_are(
    ways: Ways, talks: Sequence[Conversation]
) -> None:
    heard = [ways.ours(talk.samples) for talk in talks]
    assert conversations_wrong(talks, heard) < CONVERSATION_WRONG
    assert share_bounded(talks, heard) > BOUNDED


@pytest.mark.parametrize("way", ["`transcribe`", "batched pipeline"])
def test_many_utterances_are_heard_in_one_window(
    ways: Ways, talks: Sequence[Conversation], way: str
) -> None:
    heard = [ways.ways()[way](talk.samples) for talk in talks]
    assert conversations_wrong(talks, heard) < LONG_WINDOWS_WRONG
    assert share_bounded(talks, heard) > BOUNDED


def test_where_nobody_speaks_nothing_is_heard(ways: Ways) -> None:
    clips = unseen.empty(40)
    assert sum(silent(ways.ours(clip)) for clip in clips) / len(clips) > SILENT


def test_audio_that_comes_too_fast_is_found(ways: Ways) -> None:
    def hurried(samples: Samples) -> list[Segment]:
        return ways.one(np.ascontiguousarray(np.delete(samples, slice(None, None, 4))))

    assert calls_wrong(unseen.calls(CALLS, 20), hurried) > WRONG


def test_a_model_that_got_worse_is_found(tmp_path: Path) -> None:
    weights = read_weights(DEMO_FOLDER / "model.bin")
    random = np.random.default_rng(1)
    for name, weight in weights.items():
        if weight.ndim > 1:
            spread = 0.35 * float(weight.std())
            weights[name] = weight + random.normal(0, spread, weight.shape).astype(np.float32)
    export(weights, tmp_path)
    assert calls_wrong(unseen.calls(CALLS, 20), Ways(tmp_path).one) > WRONG


def test_all_figures_are_told(ways: Ways) -> None:
    told: dict[str, str] = {}
    evaluate(ways, Size(sentences=2, empty=8, conversations=1, seconds=10), told.__setitem__)
    assert len(told) == 24
    assert all(figure.rstrip("%").replace(".", "").isdigit() for figure in told.values())


@pytest.mark.parametrize(
    ("start", "end", "share"), [(1.2, 2.9, 1.0), (1.4, 2.9, 0.0), (1.2, 3.4, 0.0), (5.0, 9.1, 1.0)]
)
def test_boundaries_count_if_both_are_near(start: float, end: float, share: float) -> None:
    said = [Utterance(1.0, 3.0, "copy"), Utterance(5.0, 9.0, "roger")]
    assert bounded([Segment(start, end, "copy")], said) == share
