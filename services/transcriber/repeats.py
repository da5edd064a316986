"""Phrases that a model says again and again, cut to as many as somebody may have said.

Radio traffic repeats itself: "mayday mayday mayday", "one one one one". A model that has lost its
place does so without end, in short windows too briefly for the compression ratio to show it.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.transcriber.chunk import Spoken

LONGEST = 8
"""Words of a phrase."""


def unrepeated(found: Sequence[Spoken], most: int) -> list[Spoken]:
    """The same without what comes more than `most` times in a row; 0 leaves all as it is."""
    if not most:
        return list(found)
    words = [(place, word) for place, one in enumerate(found) for word in one.text.split()]
    kept = [True] * len(words)
    said = [word.strip(".,;:!?-").casefold() for _, word in words]
    first = 0
    while first < len(said):
        length, times = _longest_run(said, first)
        if times > most:
            start, end = first + most * length, first + times * length
            kept[start:end] = [False] * (end - start)
        first += length * times
    if all(kept):
        return list(found)
    return [one for place, each in enumerate(found) if (one := _left(place, each, words, kept))]


def _longest_run(said: Sequence[str], first: int) -> tuple[int, int]:
    """Words of the phrase at a place, and how often it comes there in a row: what covers most."""
    best = (1, 1)
    for length in range(1, LONGEST + 1):
        phrase = said[first : first + length]
        times = 1
        while said[first + times * length : first + (times + 1) * length] == phrase:
            times += 1
        if times > 1 and times * length > best[0] * best[1]:
            best = (length, times)
    return best


def _left(
    place: int, one: Spoken, words: Sequence[tuple[int, str]], kept: Sequence[bool]
) -> Spoken | None:
    mine = [stays for (where, _), stays in zip(words, kept, strict=True) if where == place]
    if all(mine):
        return one
    left = [word for word, stays in zip(one.text.split(), mine, strict=True) if stays]
    if not left:
        return None
    timed = one.words
    if len(timed) == len(mine):
        timed = [word for word, stays in zip(timed, mine, strict=True) if stays]
        end = timed[-1].end
    else:
        end = one.end
    return replace(one, text=" ".join(left), words=timed, end=end)
