"""The transcriber's process, with a clock in its event loop: `python -m benchmarks.engine_process`.

It is `services.transcriber` and a task beside it that sleeps 5 ms again and again and notes how
late it was woken. When the process is told to end, these go to the file named by `BENCH_LAGS`: when
it was due, on the monotonic clock, and how late it was, in seconds, a line for each.
"""

import asyncio
import os
from array import array
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from services.transcriber.process import prepare

prepare()

# Only now: they import numpy.
# ruff: noqa: E402
from services.transcriber.app import main
from shared import lifecycle
from shared.lifecycle import Lifecycle

_EVERY = 0.005
# Numbers, not objects: the process's memory is looked at too.
_Lags: TypeAlias = "array[float]"


async def _note(lags: _Lags) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY
        await asyncio.sleep(_EVERY)
        lags.extend((due, loop.time() - due))


def _write(lags: _Lags) -> None:
    Path(os.environ["BENCH_LAGS"]).write_text(
        "\n".join(f"{due} {lag}" for due, lag in zip(lags[::2], lags[1::2], strict=True))
    )


async def _run(life: Lifecycle) -> None:
    lags: _Lags = array("d")
    clock = asyncio.create_task(_note(lags))
    try:
        await main(life)
    finally:
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock
        _write(lags)


if __name__ == "__main__":
    lifecycle.run("transcriber", _run)
