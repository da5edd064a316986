"""The transcriber's process, with a clock in its event loop: `python -m benchmarks.engine_process`.

It is `services.transcriber` and a task beside it that sleeps 5 ms again and again and notes how
late it was woken. When the process is told to end, the lags go to the file named by `BENCH_LAGS`,
one a line, in seconds.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from services.transcriber.process import prepare

prepare()

# Only now: they import numpy.
# ruff: noqa: E402
from services.transcriber.app import main
from shared import lifecycle
from shared.lifecycle import Lifecycle

_EVERY = 0.005


async def _note(lags: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY
        await asyncio.sleep(_EVERY)
        lags.append(loop.time() - due)


def _write(lags: list[float]) -> None:
    Path(os.environ["BENCH_LAGS"]).write_text("\n".join(map(str, lags)))


async def _run(life: Lifecycle) -> None:
    lags: list[float] = []
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
