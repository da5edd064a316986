"""Who speaks: accents and variants of espeak-ng, those for training apart from the unseen ones."""

import dataclasses
from typing import Final

import numpy as np

from services.transcriber.demo_model.recipe.espeak import DRAWN, Voice
from services.transcriber.demo_model.recipe.throat import drawn_throat
from services.transcriber.demo_model.recipe.words import split

ACCENTS: Final = {
    "en-us": 0.46,
    "en": 0.14,
    "en-us-nyc": 0.1,
    "en-gb-scotland": 0.08,
    "en-gb-x-gbclan": 0.08,
    "en-gb-x-gbcwmd": 0.07,
    "en-029": 0.07,
}
VARIANTS: Final = split(
    "m1 m2 m4 m5 m6 m7 m8 f1 f3 f4 f5 klatt klatt2 klatt3 klatt4 Andy Annie antonio Denis "
    "Diogo edward Gene grandpa Hugo iven iven2 Jacky Lee linda Michael Mike quincy rob robert "
    "steph travis Tweaky zac"
)
UNSEEN: Final = split(
    "m3 f2 adam anika boris caleb ed kaukovalta max Storm Alex Alicia Andrea Marco Reed belinda "
    "benjamin david grandma gustave ian marcelo pablo paul pedro sandro shelby victor"
)
"""Variants that training never hears, nor one that shares more than half of its lines.

All others of espeak-ng's are such kin, or made as effects: robots, croaks, whispers, haste.
"""
SPEEDS: Final = (130, 195)
PITCHES: Final = (22, 78)


def training_voice(random: np.random.Generator) -> Voice:
    """A voice to learn from; one in six has no variant."""
    plain = random.random() < 1 / 6
    return _voice(random, "" if plain else VARIANTS[int(random.integers(len(VARIANTS)))])


def drawn_voice(random: np.random.Generator) -> Voice:
    """A voice to learn from that has a throat of its own."""
    throat = drawn_throat(random)
    return dataclasses.replace(_voice(random, DRAWN), throat=throat)


def unseen_voice(random: np.random.Generator) -> Voice:
    """A voice that training never hears."""
    return _voice(random, UNSEEN[int(random.integers(len(UNSEEN)))])


def _voice(random: np.random.Generator, variant: str) -> Voice:
    names = tuple(ACCENTS)
    accent = names[int(random.choice(len(names), p=tuple(ACCENTS.values())))]
    return Voice(
        f"{accent}+{variant}" if variant else accent,
        int(random.integers(*SPEEDS)),
        int(random.integers(*PITCHES)),
    )
