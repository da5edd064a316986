"""Throats that nobody has: espeak-ng's variants with every figure drawn anew.

A model that learns from a few dozen variants knows those; one that hears thousands learns what is
common to all. The format is that of the files in espeak-ng's `voices/!v` (its `docs/voices.md`).
"""

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
_WHISPERED: Final = 0.1
_KLATT: Final = 0.25
_TONE_GAINS: Final = (20, 255)
"""What is left of a band; 255 is all. A voice of which only the lowest formant is heard is one."""
_TONE_AT: Final = (100, 600, 1200, 2000, 3000)
"""Hertz."""


def drawn_throat(random: Random) -> str:
    """The text of a variant's file."""
    lines = ["language variant", "name drawn"]
    low = int(_ranged(random, _LOWS))
    lines.append(f"pitch {low} {low + int(random.uniform(15, 120))}")
    lines += _formants(random)
    lines.append(f"consonants {_whole(random, 45, 130)} {_whole(random, 45, 130)}")
    if random.random() < 0.5:
        lines.append(f"flutter {_whole(random, 0, 20)}")
    if random.random() < 0.5:
        lines.append(f"roughness {_whole(random, 0, 6)}")
    if random.random() < 0.5:
        lines.append(f"intonation {_whole(random, 1, 5)}")
    if random.random() < 0.4:
        lines.append(f"tone {_tone(random)}")
    if random.random() < 0.3:
        amplitudes = " ".join(str(_whole(random, 14, 25)) for _ in range(8))
        lines.append(f"stressAmp {amplitudes}")
    if random.random() < 0.1:
        lines.append(f"echo {_whole(random, 10, 130)} {_whole(random, 5, 40)}")
    return "\n".join([*lines, *_source(random)]) + "\n"


def _formants(random: Random) -> list[str]:
    """A length for all, each a little otherwise; now and then one far from
    where it should be, or the upper ones faint."""
    length = _ranged(random, _LENGTHS)
    spread = _ranged(random, _SPREADS)
    strong = random.uniform(0.5, 1.2)
    broad = random.uniform(0.5, 1.6)
    astray = int(random.integers(1, 4)) if random.random() < 0.25 else None
    faint = int(random.integers(4, 7)) if random.random() < _RARE else FORMANTS
    lines: list[str] = []
    for number in range(FORMANTS):
        place = length * random.uniform(1 - spread, 1 + spread)
        if number == astray:
            place *= random.uniform(0.5, 1.4)
        strength = strong * random.uniform(0.7, 1.3) * (0.15 if number >= faint else 1)
        width = broad * random.uniform(0.7, 1.3)
        lines.append(f"formant {number} {place * 100:.0f} {strength * 100:.0f} {width * 100:.0f}")
    return lines


def _tone(random: Random) -> str:
    gains = [_whole(random, *_TONE_GAINS) for _ in _TONE_AT]
    if random.random() < 0.5:
        gains.sort(reverse=True)
    pairs = zip(_TONE_AT, gains, strict=True)
    return " ".join(f"{int(at * random.uniform(0.8, 1.2))} {gain}" for at, gain in pairs)


def _source(random: Random) -> list[str]:
    """What the throat shapes: a voice, breath, or a voice made otherwise."""
    kind = random.random()
    if kind < _WHISPERED:
        breath = " ".join(str(_whole(random, 0, 80)) for _ in range(8))
        return [f"voicing {_whole(random, 15, 60)}", f"breath {breath}"]
    if kind < _WHISPERED + _KLATT:
        return [f"klatt {_whole(random, 1, 7)}"]
    if random.random() < 0.5:
        return [f"voicing {_whole(random, 25, 170)}"]
    return []


def _ranged(random: Random, ranges: tuple[tuple[float, float], tuple[float, float]]) -> float:
    return random.uniform(*ranges[random.random() < _RARE])


def _whole(random: Random, low: int, high: int) -> int:
    return int(random.integers(low, high))
