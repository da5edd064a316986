"""Squelch tails are silenced, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest

from services.transcriber.audio import decode
from services.transcriber.chunks import RATE, Span
from services.transcriber.samples import Samples
from services.transcriber.squelch import without_tails
from tests.support.transcribing import SAMPLES


@pytest.fixture
def call(tmp_path: Path) -> Samples:
    """Speech from its first word to its last."""
    audio = decode(SAMPLES / "hospital.ogg", tmp_path / "pcm")
    samples = audio.read(Span(0, audio.total))
    loud = np.flatnonzero(np.abs(samples) > 0.05)
    return samples[int(loud[0]) : int(loud[-1]) + 1]


def noise(seconds: float, level: float) -> Samples:
    return np.random.default_rng(1).normal(0, level, round(seconds * RATE)).astype(np.float32)


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize("times", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("seconds", [0.06, 0.2, 0.5])
@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_tail_is_silenced_and_the_call_is_not(
    call: Samples, times: float, seconds: float, after: float
) -> None:
    tail = noise(seconds, times * level(call))
    found = without_tails(np.concatenate([call, tail, noise(after, 0.0)]))
    assert found.shape == (len(call) + len(tail) + round(after * RATE),)
    assert level(found[len(call) :]) < 0.5 * level(tail)
    before = len(call) - RATE // 50
    assert np.array_equal(found[:before], call[:before])


def test_what_holds_no_tail_is_given_back_as_it_is(call: Samples) -> None:
    hissing = call + noise(len(call) / RATE, 0.3 * level(call))[: len(call)]
    # A second of noise is no tail, nor is a burst that somebody goes on speaking behind.
    long = np.concatenate([call, noise(1.0, 2 * level(call))])
    between = np.concatenate([call, noise(0.2, 2 * level(call)), call])
    for samples in (call, hissing, long, between, noise(2.0, 0.1), np.zeros(RATE, np.float32)):
        assert without_tails(samples) is samples
    assert without_tails(call[:100]).size == 100
