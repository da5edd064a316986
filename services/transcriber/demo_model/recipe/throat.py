"""Throats that nobody has: espeak-ng's variants with every figure drawn anew.

A model that learns from a few dozen variants knows those; one that hears thousands learns what is
common to all. The format is that of the files in espeak-ng's `voices/!v` (its `docs/voices.md`);
most figures lie where nineteen in twenty of those have theirs, the unseen ones left out.
"""

import math
from typing import Final

import numpy as np

Random = np.random.Generator
FORMANTS: Final = 9
_LENGTHS: Final = ((0.82, 1.28), (0.66, 1.46))
"""All formants together: short and long throats; espeak-ng's own reach the second's ends."""
_SPREADS: Final = ((0.0, 0.1), (0.1, 0.3))
"""How far each formant is from the throat's length."""
_LOWS: Final = ((55.0, 190.0), (150.0, 260.0))
"""Hertz: the lowest of the pitch."""
_RARE: Final = 0.3
"""How often the second of two ranges is drawn from."""
_ASTRAY: Final = (0.6, 0.28, 0.12)
"""How often none, one and two formants are far from the others."""
_WHISPERED: Final = 0.1
_KLATT: Final = 0.25
_TONE_GAINS: Final = (12, 255)
"""What is left of a band; 255 is all. A voice of which only the lowest formant is heard is one."""
_TONE_AT: Final = (100, 600, 1200, 2000, 3000)
"""Hertz."""


def drawn_throat(random: Random) -> str:
    """The text of a variant's file."""
    lines = ["language variant", "name drawn"]
    low = int(_ranged(random, _LOWS))
    lines.append(f"pitch {low} {low + int(random.uniform(15, 120))}")
    lines += _formants(random)
    lines.append(f"consonants {_whole(random, 40, 150)} {_whole(random, 40, 150)}")
    if random.random() < 0.5:
        lines.append(f"flutter {_whole(random, 0, 20)}")
    if random.random() < 0.5:
        lines.append(f"roughness {_whole(random, 0, 6)}")
    if random.random() < 0.5:
        lines.append(f"intonation {_whole(random, 1, 11)}")
    if random.random() < 0.5:
        lines.append(f"tone {_tone(random)}")
    if random.random() < 0.3:
        lines.append(f"stressAmp {_eight(random, 14, 35)}")
    if random.random() < 0.2:
        lines.append(f"stressAdd {_eight(random, -20, 200)}")
    if random.random() < 0.1:
        lines.append(f"echo {_whole(random, 10, 130)} {_whole(random, 5, 40)}")
    return "\n".join([*lines, *_source(random)]) + "\n"


def _formants(random: Random) -> list[str]:
    """A length for all, each a little otherwise; now and then one or two far from where they
    should be, or the upper ones faint."""
    length = _ranged(random, _LENGTHS)
    spread = _ranged(random, _SPREADS)
    strong = random.uniform(0.5, 1.2)
    broad = random.uniform(0.5, 1.6)
    astray = random.integers(1, 5, int(random.choice(3, p=_ASTRAY)))
    faint = int(random.integers(4, 7)) if random.random() < _RARE else FORMANTS
    lines: list[str] = []
    for number in range(FORMANTS):
        place = length * random.uniform(1 - spread, 1 + spread)
        if number in astray:
            place *= random.uniform(0.45, 1.5)
        strength = strong * random.uniform(0.6, 1.4)
        if number >= faint:
            strength *= random.uniform(0, 0.3)
        width = broad * random.uniform(0.7, 1.3)
        lines.append(f"formant {number} {place * 100:.0f} {strength * 100:.0f} {width * 100:.0f}")
    return lines


def _tone(random: Random) -> str:
    low, high = (math.log(gain) for gain in _TONE_GAINS)
    gains = [round(math.exp(random.uniform(low, high))) for _ in _TONE_AT]
    if random.random() < 0.5:
        gains.sort(reverse=True)
    pairs = zip(_TONE_AT, gains, strict=True)
    return " ".join(f"{int(at * random.uniform(0.8, 1.2))} {gain}" for at, gain in pairs)


def _source(random: Random) -> list[str]:
    """What the throat shapes: a voice, breath, or a voice made otherwise."""
    kind = random.random()
    if kind < _WHISPERED:
        return [f"voicing {_whole(random, 15, 60)}", f"breath {_eight(random, 0, 80)}"]
    if kind < _WHISPERED + _KLATT:
        return [f"klatt {_whole(random, 1, 7)}"]
    if random.random() < 0.5:
        return [f"voicing {_whole(random, 25, 170)}"]
    return []


def _eight(random: Random, low: int, high: int) -> str:
    """A figure for each degree of stress."""
    return " ".join(str(_whole(random, low, high)) for _ in range(8))


def _ranged(random: Random, ranges: tuple[tuple[float, float], tuple[float, float]]) -> float:
    return random.uniform(*ranges[random.random() < _RARE])


def _whole(random: Random, low: int, high: int) -> int:
    return int(random.integers(low, high))
