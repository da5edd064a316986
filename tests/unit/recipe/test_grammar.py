"""The sentences that the bundled model is made of, and how they are written."""

from collections import Counter

import numpy as np
import pytest

from deploy.local.samples import samples
from services.transcriber.demo_model.recipe.grammar import (
    held_out,
    sentence,
    training_sentence,
    unseen_sentence,
)
from services.transcriber.demo_model.recipe.tokens import Tokens
from services.transcriber.demo_model.recipe.words import vocabulary
from services.transcriber.libraries import library
from services.transcriber.models import DEMO_FOLDER


def test_training_and_evaluation_share_no_sentence() -> None:
    random = np.random.default_rng(1)
    trained = [training_sentence(random) for _ in range(2000)]
    unseen = {unseen_sentence(random) for _ in range(500)}
    assert not unseen.intersection(trained)
    assert not any(map(held_out, trained))


def test_every_sentence_is_made_of_known_words_and_every_word_is_said() -> None:
    random = np.random.default_rng(2)
    said = Counter(word for _ in range(6000) for word in sentence(random).split())
    assert set(said) == set(vocabulary())


def test_the_bundled_samples_say_nothing_unknown() -> None:
    known = set(vocabulary())
    assert {word for sample in samples() for word in sample.text.split()} <= known


def test_the_tokenizer_can_write_every_word() -> None:
    tokens = Tokens(DEMO_FOLDER)
    known = vocabulary()
    names = tokens.names()
    written = "".join(names[token] for token in tokens.text(known))
    assert written == "".join(f"Ġ{word}" for word in known)
    assert all(token < tokens.end for token in tokens.text(known))


def test_no_word_has_a_token_that_decoders_suppress() -> None:
    folder = str(DEMO_FOLDER / "tokenizer.json")
    tokenizer = library("tokenizers").Tokenizer.from_file(folder)
    fast = library("faster_whisper.tokenizer").Tokenizer(tokenizer, multilingual=False)
    suppressed = set(library("faster_whisper.transcribe").get_suppressed_tokens(fast, [-1]))
    assert tokenizer.token_to_id("Ġ") in suppressed
    tokens = Tokens(DEMO_FOLDER)
    assert not [word for word in vocabulary() if suppressed & set(tokens.word(word))]


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(0.0, "<|0.00|>"), (1.234, "<|1.24|>"), (29.999, "<|30.00|>"), (99.0, "<|30.00|>")],
)
def test_a_time_is_a_token(seconds: float, name: str) -> None:
    tokens = Tokens(DEMO_FOLDER)
    assert tokens.names()[tokens.time(seconds)] == name
