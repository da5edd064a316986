"""Which pieces are sent, and in which order: the same seed deals the same."""

import random
from collections.abc import Iterator
from pathlib import Path

from tests.soak import damaged, misfits, pretenders, submissions
from tests.soak.damaged import Maker
from tests.soak.piece import BadJob, Piece

_LONGEST_AT = 200
"""Where the one piece comes that takes minutes: after the services have settled."""
_UNREADABLE = (b"no JSON at all", b'{"recording": "half a job"}', b"\xff\xfe", b"[]", b"")


def deal(seed: int, count: int, folder: Path) -> Iterator[Piece]:
    """So many pieces, each kind about as often as any other; `folder` is for files."""
    chance = random.Random(seed)
    all_makers = [
        *damaged.makers(folder).values(),
        *pretenders.makers(folder).values(),
        *misfits.makers().values(),
        *submissions.makers(folder).values(),
        _unreadable_job,
    ]
    waiting: list[Maker] = []
    for number in range(count):
        if number == _LONGEST_AT:
            yield pretenders.longest_silence(folder)
            continue
        if not waiting:
            waiting = chance.sample(all_makers, len(all_makers))
        yield waiting.pop()(chance)


def _unreadable_job(chance: random.Random) -> Piece:
    return BadJob("unreadable job", chance.choice(_UNREADABLE))
