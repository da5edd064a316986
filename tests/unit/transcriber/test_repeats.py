"""Phrases that come again and again."""

import pytest

from services.transcriber.chunk import Spoken
from services.transcriber.repeats import unrepeated
from shared.messages import Word


def spoken(text: str, *, words: bool = False) -> Spoken:
    timed = [Word(i, i + 1, word, 0.9) for i, word in enumerate(text.split())] if words else []
    return Spoken(0.0, 9.0, text, 0.9, timed)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("mayday mayday mayday", "mayday mayday mayday"),
        ("one one one one five", "one one one one five"),
        ("you you you you you you", "you you you you"),
        ("Thank you. " * 9, "Thank you. Thank you. Thank you. Thank you."),
        ("go " + "engine one responding, " * 6, "go" + " engine one responding," * 4),
        ("copy " * 5 + "clear", "copy copy copy copy clear"),
        ("a b a b a b c", "a b a b a b c"),
        ("", ""),
    ],
)
def test_what_comes_too_often_is_cut(said: str, left: str) -> None:
    found = unrepeated([spoken(said.strip())], 4)
    assert " ".join(one.text for one in found) == left


def test_a_phrase_is_followed_through_segments() -> None:
    found = unrepeated([spoken("stand by"), *[spoken("copy that")] * 7, spoken("clear")], 3)
    assert [one.text for one in found] == ["stand by", *["copy that"] * 3, "clear"]


def test_words_and_their_times_go_with_the_text() -> None:
    (found,) = unrepeated([spoken("no no no no no no", words=True)], 2)
    assert (found.text, found.end, len(found.words)) == ("no no", 2, 2)
    (found,) = unrepeated([spoken("no no no no no no")], 2)
    assert (found.text, found.end) == ("no no", 9.0)


def test_nothing_is_cut_where_nobody_asked_for_it() -> None:
    said = [spoken("no " * 50)]
    assert unrepeated(said, 0) == said
