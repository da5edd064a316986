"""Windows for training: what is heard in them, and what the model is told that it is."""

from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from services.transcriber.demo_model.recipe import mel
from services.transcriber.demo_model.recipe.batches import WHOLE, Batch, Mix, batches
from services.transcriber.demo_model.recipe.lesson import (
    IGNORED,
    POSITIONS,
    PROMPT,
    WORDS,
    Lesson,
    lesson,
    transcript,
)
from services.transcriber.demo_model.recipe.scene import Heard, Scene, render
from services.transcriber.demo_model.recipe.tokens import Tokens
from services.transcriber.models import DEMO_FOLDER
from tests.support.small_bank import SENTENCES, small_bank

TOKENS = Tokens(DEMO_FOLDER)


def timed(scene: Scene, frames: int, prompt: list[int] | None = None) -> Lesson:
    """A scene's lesson that has time stamps."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        found = lesson(small_bank(), scene, TOKENS, random, frames, prompt or [])
        if TOKENS.no_times not in found.inputs:
            return found
    raise AssertionError("none of fifty lessons has time stamps")


def untimed(scene: Scene, frames: int) -> Lesson:
    """A scene's lesson without time stamps."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        found = lesson(small_bank(), scene, TOKENS, random, frames, [])
        if TOKENS.no_times in found.inputs:
            return found
    raise AssertionError("all of fifty lessons have time stamps")


def named(tokens: list[int]) -> str:
    names = TOKENS.names()
    return " ".join("..." if token == IGNORED else names[token] for token in tokens)


def first_of(mix: Mix, seed: int = 1) -> Batch:
    return next(batches(small_bank(), TOKENS, mix, np.random.default_rng(seed), 4000))


def test_features_are_those_of_faster_whisper() -> None:
    extractor: Any = import_module("faster_whisper.feature_extractor").FeatureExtractor()
    samples = np.random.default_rng(1).normal(0, 0.1, 50_000).astype(np.float32)
    ours = mel.features(mel.power(samples))
    assert np.abs(ours.T - extractor(samples)).max() < 1e-4


def test_sounds_that_are_heard_together_add_up_in_power() -> None:
    random = np.random.default_rng(1)
    one, other = (random.normal(0, 0.1, 160_000).astype(np.float32) for _ in range(2))
    together = mel.power(one + other).mean(0)
    assert mel.power(one).mean(0) + mel.power(other).mean(0) == pytest.approx(together, rel=0.1)


def test_an_utterance_is_said_between_its_times() -> None:
    bank = small_bank()
    end = 0.4 + bank.clips[0].words[-1][1]
    found = timed(Scene([Heard(0, 40)], 400), 420)
    last = TOKENS.names()[TOKENS.time(end)]
    assert named(found.inputs).startswith("<|startoftranscript|> <|0.40|> Ġengine Ġthree")
    assert named(found.targets).startswith("<|0.40|> Ġengine Ġthree")
    assert named(found.targets).endswith(f"{last} <|endoftext|>")
    place = found.targets.index(TOKENS.word("engine")[0])
    assert found.spans[place][0] == 20
    assert len(set(found.labels.tolist())) == 1 + len(SENTENCES[0].split())
    assert found.labels.max() < WORDS
    assert len(found.labels) == 210


def test_the_decoder_is_to_look_at_a_time_where_it_is() -> None:
    bank = small_bank()
    end = 0.4 + bank.clips[0].words[-1][1]
    found = timed(Scene([Heard(0, 40), Heard(1, 300)], 500), 500)
    times = [
        span for span, t in zip(found.spans, found.targets, strict=True) if t >= TOKENS.first_time
    ]
    assert times[0] == (20, 21)
    assert times[1][0] == round(end * 50)
    assert times[2] == (150, 151)


def test_without_times_there_are_only_words() -> None:
    found = untimed(Scene([Heard(1, 10), Heard(3, 200)], 500), 500)
    assert named(found.targets) == "<|notimestamps|> Ġ10 - 4 Ġcopy Ġthat Ġroger <|endoftext|>"


def test_no_window_begins_with_a_later_time_than_decoders_allow() -> None:
    found = timed(Scene([Heard(1, 250)], 500), 500)
    assert named(found.inputs).startswith("<|startoftranscript|> <|1.00|> Ġ10")


def test_an_utterance_that_the_window_cuts_is_left_to_the_next_one() -> None:
    scene = Scene([Heard(1, 10), Heard(0, WHOLE - 60)], WHOLE)
    for seed in range(10):
        random = np.random.default_rng(seed)
        found = lesson(small_bank(), scene, TOKENS, random, WHOLE, [])
        assert named(found.targets).endswith("<|29.40|> <|endoftext|>")
        assert found.targets[-3] > TOKENS.first_time


def test_where_nobody_speaks_there_is_nothing_to_say() -> None:
    empty = Scene([], 300)
    assert named(timed(empty, 300).targets) == "<|nospeech|> <|endoftext|>"
    assert named(untimed(empty, 300).targets) == "<|nospeech|> <|nospeech|> <|endoftext|>"


def test_a_prompt_is_not_asked_for() -> None:
    prompt = TOKENS.text(["oak", "street"])
    found = timed(Scene([Heard(1, 10)], 200), 200, prompt)
    assert named(found.inputs).startswith("<|startofprev|> Ġoak Ġstreet <|startoftranscript|>")
    assert named(found.targets).startswith("... ... ... <|0.10|> Ġ10")
    plain = timed(Scene([], 200), 200, prompt)
    assert named(plain.targets) == "... ... ... <|nospeech|> <|endoftext|>"


def test_a_transcript_before_a_window_has_time_stamps_and_fits() -> None:
    longest = 0
    for seed in range(50):
        found = transcript(TOKENS, np.random.default_rng(seed))
        longest = max(longest, len(found))
        times = [token - TOKENS.first_time for token in found if token >= TOKENS.first_time]
        assert all(0 <= time <= 1500 for time in times)
        falls = sum(later < earlier for earlier, later in pairwise(times))
        assert falls <= 3
        assert len(times) < len(found) or len(found) < 2
    assert 150 < longest <= PROMPT


@pytest.mark.parametrize("whole", [True, False])
def test_only_whole_windows_come_after_time_stamps(whole: bool) -> None:
    source = batches(
        small_bank(),
        TOKENS,
        Mix(0, float(whole), 0.1),
        np.random.default_rng(5),
        WHOLE,
    )
    timed_prompts = 0
    for _ in range(40):
        batch = next(source)
        for inputs, targets in zip(batch.inputs, batch.targets, strict=True):
            before = inputs[: int(np.argmax(targets != IGNORED))]
            timed_prompts += bool((before >= TOKENS.first_time).any())
    assert (timed_prompts > 0) == whole


def test_a_scene_is_louder_where_somebody_speaks() -> None:
    bank = small_bank()
    scene = Scene([Heard(0, 100)], 400)
    heard = [mel.energy(render(bank, scene, np.random.default_rng(n))) for n in range(20)]
    speech = np.mean([np.log10(e[110:200]).mean() for e in heard])
    before = np.mean([np.log10(e[:90]).mean() for e in heard])
    assert speech > before + 0.5


@pytest.mark.parametrize("mix", [Mix(0, 0, 0.1), Mix(1, 0, 0.1), Mix(0, 1, 0.1), Mix(0, 0, 1)])
def test_a_batch_fits_together(mix: Mix) -> None:
    batch = first_of(mix)
    windows, frames, bands = batch.features.shape
    assert bands == mel.BANDS
    assert frames % 2 == 0
    assert frames <= WHOLE
    assert np.isfinite(batch.features).all()
    assert batch.inputs.shape == batch.targets.shape == batch.spans.shape[:2]
    assert batch.inputs.shape[0] == windows
    assert batch.inputs.shape[1] <= POSITIONS
    assert batch.labels.shape == (windows, frames // 2)
    assert batch.spans.max() <= frames // 2
    assert batch.inputs.max() < TOKENS.count
    assert batch.labels.any() == (mix.empty < 1)


def test_the_same_seed_gives_the_same_batch() -> None:
    one, same, other = (first_of(Mix(0.3, 0.2, 0.1), seed) for seed in (5, 5, 6))
    assert np.array_equal(one.features, same.features)
    assert np.array_equal(one.targets, same.targets)
    assert not np.array_equal(one.features, other.features)
