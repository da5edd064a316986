"""`make bench-engine-load`: what the transcriber needs while it is busy, and how it starts.

One transcriber with the bundled model on servers of its own. Printed are

- its resident memory after a tenth of the recordings and after all of them: the moment the last is
  stored, and at rest, when it has given back what was spare,
- how late its event loop woke a task that sleeps 5 ms, while there was work (`engine_process`),
- the time from its process's start to the first segment of a call that waits for it, and its parts,
  as its own log tells them.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import click
import msgspec

from benchmarks.engine import CACHE
from benchmarks.engine_clips import Clip, make_clips
from benchmarks.engine_pipeline import Pipeline, Run, pipeline
from benchmarks.samples import MODEL
from shared.allocator import MIB
from shared.messages import Segment, decode_event
from shared.topology import EVENTS

_FILES = 100
"""Different calls; each is sent again and again, as another recording."""
_GROWTH, _LAG = 0.10, 0.020
_REST = 15.0
"""Seconds after which a transcriber without work has given back what was spare."""
_SEGMENT = "echobase.events.*.*.*.*.segment"


class _Record(msgspec.Struct):
    time: datetime
    message: str


@click.command()
@click.option("--recordings", default=5000, show_default=True)
@click.option("--starts", default=5, show_default=True)
def main(recordings: int, starts: int) -> None:
    """Measure and print."""
    clips = make_clips(CACHE / "clips", _FILES)
    print(f"{os.cpu_count()} cores; bundled model; calls of 3 to 10 s")
    asyncio.run(_busy(clips, recordings))
    parts = [asyncio.run(_start(clips[0].path)) for _ in range(starts)]
    _report_starts(parts)


async def _busy(clips: Sequence[Clip], recordings: int) -> None:
    few = recordings // 10
    with TemporaryDirectory() as folder:
        lags = Path(folder) / "lags"
        settings = {"WHISPER_DEVICE": "cpu", "BENCH_LAGS": str(lags)}
        async with pipeline(Path(folder), MODEL, settings, "benchmarks.engine_process") as ours:
            runs = [await _send(ours, clips, few, "first")]
            first = await _at_rest(ours)
            runs.append(await _send(ours, clips, recordings - few, "rest"))
            last = await _at_rest(ours)
        found = _while_busy(lags.read_text(), runs)
    seconds = sum(run.seconds for run in runs)
    print(f"{recordings} recordings in {seconds:.0f} s, {recordings / seconds:.1f} a second")
    growth = last / first - 1
    print(
        f"resident, at rest: {first / MIB:.0f} MiB after {few}, {last / MIB:.0f} MiB after"
        f" {recordings}: {growth:+.1%}; bar of {_GROWTH:.0%}:"
        f" {'met' if growth <= _GROWTH else 'MISSED'}"
    )
    busy = [run.resident / MIB for run in runs]
    print(f"resident, busy: {busy[0]:.0f} MiB and {busy[1]:.0f} MiB: {busy[1] / busy[0] - 1:+.1%}")
    p99 = percentile(found, 99)
    print(
        f"event loop's lag: p50 {median(found) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
        f"most {max(found) * 1000:.0f} ms; bar of {_LAG * 1000:.0f} ms: "
        f"{'met' if p99 < _LAG else 'MISSED'}",
        flush=True,
    )


async def _at_rest(ours: Pipeline) -> int:
    await asyncio.sleep(_REST)
    return ours.resident


def _while_busy(lags: str, runs: Sequence[Run]) -> Sequence[float]:
    pairs = (map(float, line.split()) for line in lags.splitlines())
    return [
        lag
        for due, lag in pairs
        if any(run.began <= due <= run.began + run.seconds for run in runs)
    ]


async def _send(ours: Pipeline, clips: Sequence[Clip], count: int, run: str) -> Run:
    paths = [clips[number % len(clips)].path for number in range(count)]
    return await ours.transcribe(paths, run)


async def _start(path: Path) -> dict[str, float]:
    """Seconds from the process's start to each of its steps."""
    with TemporaryDirectory() as folder:
        async with pipeline(Path(folder), MODEL, {"WHISPER_DEVICE": "cpu"}, waiting=path) as ours:
            first = await _first_segment(ours)
            found = dict(moments(ours.process.log.read_text(), ours.began))
    return {**found, "first segment": first - ours.began}


async def _first_segment(ours: Pipeline) -> float:
    async with asyncio.timeout(60.0):
        async for batch in ours.bus.follow(EVENTS.name, [_SEGMENT], 1):
            for message in batch:
                if isinstance(event := decode_event(message.data), Segment):
                    return event.time.timestamp()
    raise TimeoutError


def moments(log: str, began: float) -> Sequence[tuple[str, float]]:
    """When the transcriber's log says what, in seconds from `began`; the first of each only."""
    found: dict[str, float] = {}
    for line in log.splitlines():
        if not line.startswith("{"):
            continue
        record = msgspec.json.decode(line, type=_Record)
        if record.message in ("model ready", "started up", "started"):
            found.setdefault(record.message, record.time.timestamp() - began)
    return list(found.items())


def percentile(values: Sequence[float], percent: int) -> float:
    """That percentile of at least two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _report_starts(parts: Sequence[dict[str, float]]) -> None:
    names = {
        "model ready": "libraries imported, model loaded",
        "started up": "NATS and store reached, ready",
        "started": "the waiting call taken",
        "first segment": "first segment",
    }
    print(f"{'process start to, seconds':36}{'median':>8}{'most':>8}")
    for key, name in names.items():
        times = [each[key] for each in parts]
        print(f"{name:36}{median(times):8.2f}{max(times):8.2f}")


if __name__ == "__main__":
    main()
