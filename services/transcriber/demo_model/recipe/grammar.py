"""Sentences of radio traffic, drawn from the vocabulary.

A sentence belongs to training or to the evaluation by its own digest, so the two never share one,
whatever seeds they are drawn with.
"""

import zlib
from collections.abc import Callable
from typing import Final

import numpy as np

from services.transcriber.demo_model.recipe import words

Random = np.random.Generator
HELD_OUT: Final = 8
"""One sentence in so many is never trained on."""

LOOSE: Final = 0.07
"""Share of what is trained on that is no sentence."""


def held_out(sentence: str) -> bool:
    """Whether a sentence is kept for the evaluation."""
    return zlib.crc32(sentence.encode()) % HELD_OUT == 0


def sentence(random: Random) -> str:
    """Any sentence of the grammar."""
    form = _FORMS[int(random.choice(len(_FORMS), p=_WEIGHTS))]
    return form(random)


def training_sentence(random: Random) -> str:
    """A sentence that the evaluation does not use, or words in no order, so that the model learns
    to hear words and not only forms."""
    while held_out(found := _loose(random) if random.random() < LOOSE else sentence(random)):
        pass
    return found


def unseen_sentence(random: Random) -> str:
    """A sentence that training never uses."""
    while not held_out(found := sentence(random)):
        pass
    return found


def _one(random: Random, choices: tuple[str, ...]) -> str:
    return choices[int(random.integers(len(choices)))]


def _digits(random: Random, count: int) -> str:
    return " ".join(_one(random, words.DIGITS) for _ in range(count))


def _unit(random: Random) -> str:
    return f"{_one(random, words.UNITS)} {_digits(random, 1 + int(random.random() < 0.3))}"


def _street(random: Random) -> str:
    name = f"{_one(random, words.STREETS)} {_one(random, words.WAYS)}"
    return f"{_one(random, words.SIDES)} {name}" if random.random() < 0.2 else name


def _address(random: Random) -> str:
    return f"{_digits(random, int(random.integers(2, 5)))} {_street(random)}"


def _respond(random: Random) -> str:
    return f"{_unit(random)} respond to {_incident(random)} at {_address(random)}"


def _incident(random: Random) -> str:
    return _one(random, words.INCIDENTS)


def _all_units(random: Random) -> str:
    return f"all units {_incident(random)} at {_address(random)}"


def _answered_status(random: Random) -> str:
    first = (*words.ACKNOWLEDGMENTS, "dispatch", "dispatch")
    return f"{_one(random, first)} {_unit(random)} {_one(random, words.STATUS)}"


def _status(random: Random) -> str:
    return f"{_unit(random)} {_one(random, words.STATUS)}"


def _acknowledged(random: Random) -> str:
    pair = (_unit(random), _one(random, words.ACKNOWLEDGMENTS))
    return " ".join(pair if random.random() < 0.6 else pair[::-1])


def _phrase(random: Random) -> str:
    return f"{_unit(random)} {_one(random, words.PHRASES)}"


def _channel(random: Random) -> str:
    count = 1 + int(random.random() < 0.3)
    return f"{_unit(random)} switch to channel {_digits(random, count)}"


def _time(random: Random) -> str:
    said = f"time {_digits(random, 4)}"
    return f"{_one(random, words.ACKNOWLEDGMENTS)} {said}" if random.random() < 0.8 else said


def _vehicle(random: Random) -> str:
    said = f"{_one(random, words.COLORS)} {_one(random, words.VEHICLES)}"
    return f"{said} {_one(random, words.BOUND)} on {_street(random)}"


def _need(random: Random) -> str:
    where = f"{_one(random, words.STREETS)} and {_one(random, words.STREETS)}"
    return f"we need {_one(random, words.NEEDS)} at {where}"


def _plate(random: Random) -> str:
    letters = " ".join(_one(random, words.LETTERS) for _ in range(3))
    return f"license plate {letters} {_digits(random, 3)}"


def _short(random: Random) -> str:
    alone = (*words.ACKNOWLEDGMENTS, *words.STATUS, *words.PHRASES, *words.INCIDENTS)
    return _one(random, alone)


def _joined(random: Random) -> str:
    """Two parts that are not usually said in one breath."""
    parts = (_vehicle, _plate, _time, _status, _acknowledged, _phrase, _short, _need)
    pair = random.choice(len(parts), 2, replace=False)
    return " ".join(parts[int(i)](random) for i in pair)


def _loose(random: Random) -> str:
    known = words.vocabulary()
    return " ".join(known[int(i)] for i in random.integers(len(known), size=random.integers(2, 8)))


_SHARES: Final[dict[Callable[[Random], str], float]] = {
    _respond: 14,
    _all_units: 8,
    _answered_status: 11,
    _status: 6,
    _acknowledged: 6,
    _phrase: 7,
    _channel: 5,
    _time: 6,
    _vehicle: 7,
    _need: 6,
    _plate: 9,
    _short: 3,
    _joined: 5,
}
_FORMS: Final = tuple(_SHARES)
_WEIGHTS: Final = np.array(tuple(_SHARES.values())) / sum(_SHARES.values())
