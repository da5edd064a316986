"""How well the bundled model hears: worse than this, and the model, the decoding or the way of the
audio to it has broken. `evaluate.py` measures more, and on more.
"""

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
from services.transcriber.demo_model.recipe.unseen import Utterance
from services.transcriber.demo_model.recipe.ways import Segment, Ways, text
from services.transcriber.models import DEMO_FOLDER

CALLS = 40
WRONG = 0.12
"""Most wrong words in calls at 20 dB, in voices and sentences that no training has."""
LOUD_NOISE_WRONG = 0.26
"""The same at 5 dB."""
CONVERSATION_WRONG = 0.10
BOUNDED = 0.85
"""Least share of a conversation's segments that begin and end within 0.3 s."""
SILENT = 0.95
"""Least share of clips without speech that give no words."""


@pytest.fixture(scope="module")
def ways() -> Ways:
    return Ways(DEMO_FOLDER)


def test_calls_are_heard(ways: Ways) -> None:
    assert calls_wrong(unseen.calls(CALLS, 20), ways.one) < WRONG


def test_calls_are_heard_in_loud_noise(ways: Ways) -> None:
    assert calls_wrong(unseen.calls(CALLS, 5), ways.one) < LOUD_NOISE_WRONG


def test_a_short_window_hears_as_well_as_a_whole_one(ways: Ways) -> None:
    calls = unseen.calls(CALLS, 20)
    assert calls_wrong(calls, ways.one) < calls_wrong(calls, ways.one_whole) + 0.05


def test_a_conversation_is_heard_and_its_parts_are_where_they_are(ways: Ways) -> None:
    talk = unseen.conversation(0, 60)
    heard = ways.ours(talk.samples)
    assert error_rate([talk.text], [text(heard)]) < CONVERSATION_WRONG
    assert bounded(heard, talk.utterances) > BOUNDED


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
    assert len(told) == 22
    assert all(figure.rstrip("%").replace(".", "").isdigit() for figure in told.values())


@pytest.mark.parametrize(
    ("start", "end", "share"), [(1.2, 2.9, 1.0), (1.4, 2.9, 0.0), (1.2, 3.4, 0.0), (5.0, 9.1, 1.0)]
)
def test_boundaries_count_if_both_are_near(start: float, end: float, share: float) -> None:
    said = [Utterance(1.0, 3.0, "copy"), Utterance(5.0, 9.0, "roger")]
    assert bounded([Segment(start, end, "copy")], said) == share
