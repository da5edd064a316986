"""Audio of every kind that is cut short or has bits that are wrong."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.samples import samples
from tests.soak.piece import Piece, Upload
from tests.support.audio_files import KINDS, reencode, write

Maker = Callable[[random.Random], Piece]
_SPOKEN = min(samples(), key=lambda sample: sample.duration)


def makers(folder: Path) -> Mapping[str, Maker]:
    """By name, what makes a damaged file; `folder` is for the good ones."""
    found: dict[str, Maker] = {}
    for kind in KINDS:
        content = whole(folder, kind)
        found[f"cut {kind}"] = _cut(f"cut {kind}", content)
        found[f"flipped {kind}"] = _flipped(f"flipped {kind}", content)
    return found


def whole(folder: Path, kind: str) -> bytes:
    """A good file of one of `KINDS`."""
    path = folder / f"whole.{kind}"
    # FFmpeg's own Vorbis encoder takes no mono, so that kind holds a tone and no speech.
    made = write(path, kind) if kind == "ogg" else reencode(_SPOKEN.path, path, kind)
    return made.read_bytes()


def _cut(kind: str, whole: bytes) -> Maker:
    def make(chance: random.Random) -> Piece:
        return Upload(kind, whole[: chance.randrange(1, len(whole))], "either")

    return make


def _flipped(kind: str, whole: bytes) -> Maker:
    def make(chance: random.Random) -> Piece:
        damaged = bytearray(whole)
        # Half of them where containers keep their tables, which hurts more.
        end = chance.choice((len(damaged), min(512, len(damaged))))
        for _ in range(chance.choice((1, 10, 300))):
            damaged[chance.randrange(end)] ^= 1 << chance.randrange(8)
        return Upload(kind, bytes(damaged), "either")

    return make
