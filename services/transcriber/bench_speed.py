"""How fast chunks are decoded in batches of several sizes."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from services.transcriber.chunk import Chunk
from services.transcriber.chunks import RATE
from services.transcriber.direct import decode_together
from services.transcriber.engine import Engine

SIZES = (1, 2, 4, 8, 16, 32)
_GAIN = 0.03
"""A larger batch must be so much faster to be worth its memory and its waiting."""


@dataclass(frozen=True)
class Speed:
    """What a batch size gave."""

    batch: int
    """Chunks."""
    seconds: float
    audio: float
    """Seconds of it."""

    @property
    def times(self) -> float:
        """How many times real time; its inverse is the real-time factor."""
        return self.audio / self.seconds


def measure(
    engine: Engine,
    chunks: Sequence[Chunk],
    workers: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Speed]:
    """The speed of every batch size that the chunks can fill; `workers` calls at a time."""
    # Alike lengths share calls, as the batcher has it.
    ordered = sorted(chunks, key=lambda chunk: len(chunk.samples))
    audio = sum(len(chunk.samples) for chunk in chunks) / RATE
    decode_together(engine, ordered[:1])
    found: list[Speed] = []
    for size in (size for size in SIZES if size <= len(chunks)):
        batches = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        with ThreadPoolExecutor(workers) as pool:
            began = clock()
            list(pool.map(partial(decode_together, engine), batches))
            found.append(Speed(size, clock() - began, audio))
    return found


def best(speeds: Sequence[Speed]) -> Speed:
    """The smallest batch that is about as fast as the fastest."""
    fastest = max(speed.times for speed in speeds)
    return next(speed for speed in speeds if speed.times >= (1 - _GAIN) * fastest)
