"""`make bench-engine`: many short calls, and long audio, by faster-whisper alone and by EchoBase.

    (a)  faster-whisper's `WhisperModel.transcribe` in a loop, file by file
    (b)  its `BatchedInferencePipeline`, file by file
    (c)  EchoBase from a job's message on NATS to the stored transcript, with windows of 30 s
    (d)  the same with short windows

One run, one machine, one model, the same files, int8, beam 1, English, all cores on every side.
`tiny` and `base` are of Whisper's sizes with random weights, and say the same 24 tokens whatever
they hear: of them every way must give the same text. `demo` is the bundled model; the word error
rate stands beside each speed. Absolute figures are this machine's; ratios travel.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.engine_clips import Clip, make_clips, make_long
from benchmarks.engine_pipeline import pipeline
from benchmarks.faster_whisper_alone import Alone
from benchmarks.samples import MODEL, error_rate
from benchmarks.steered_model import SIZES, make

CACHE = Path(".cache") / "bench-engine"
MARGINS = {"(c) EchoBase, whole windows": "30", "(d) EchoBase, short windows": "0.4"}
BARS = {"(c) EchoBase, whole windows": 1.3, "(d) EchoBase, short windows": 4.0}
LONG_BAR = 0.98
A, B = "(a) transcribe() in a loop", "(b) BatchedInferencePipeline"


@dataclass(frozen=True)
class Result:
    """One way's time for all clips, and for the long one."""

    short: float
    long: float
    texts: Sequence[str]


@click.command()
@click.option("--clips", default=500, show_default=True, help="Short calls.")
@click.option("--long", "long_seconds", default=3600.0, show_default=True, help="Seconds.")
@click.option("--models", default="tiny,base,demo", show_default=True, help="Which, in order.")
def main(clips: int, long_seconds: float, models: str) -> None:
    """Measure, compare and print."""
    short = make_clips(CACHE / "clips", clips)
    long = make_long(CACHE, short, long_seconds)
    audio = sum(clip.seconds for clip in short)
    print(f"{os.cpu_count()} cores; {clips} clips, {audio:.0f} s; long: {long.seconds:.0f} s")
    for name in models.split(","):
        folder = MODEL if name == "demo" else make(SIZES[name], CACHE / "models")
        results = asyncio.run(_measure(folder.absolute(), short, long))
        _report(name, results, short)


async def _measure(model: Path, short: Sequence[Clip], long: Clip) -> dict[str, Result]:
    alone = Alone(model, threads=os.cpu_count() or 1)
    results = {A: _alone(alone.greedy, short, long), B: _alone(alone.batched, short, long)}
    del alone
    for name, margin in MARGINS.items():
        results[name] = await _ours(model, short, long, margin)
    return results


def _alone(way: Callable[[Path], str], short: Sequence[Clip], long: Clip) -> Result:
    way(short[0].path)
    began = time.perf_counter()
    texts = [way(clip.path) for clip in short]
    middle = time.perf_counter()
    way(long.path)
    return Result(middle - began, time.perf_counter() - middle, texts)


async def _ours(model: Path, short: Sequence[Clip], long: Clip, margin: str) -> Result:
    settings = {
        "WHISPER_DEVICE": "cpu",
        "WHISPER_COMPUTE_TYPE": "int8",
        "WHISPER_BEAM_SIZE": "1",
        "ECHOBASE_WINDOW_MARGIN": margin,
    }
    with TemporaryDirectory() as folder:
        async with pipeline(Path(folder), model, settings) as ours:
            await ours.transcribe([short[0].path], "warm-up")
            seconds, texts = await ours.transcribe([clip.path for clip in short], "short")
            long_seconds, _ = await ours.transcribe([long.path], "long")
    return Result(seconds, long_seconds, texts)


def _report(name: str, results: dict[str, Result], short: Sequence[Clip]) -> None:
    base = results[A]
    print(f"\n{name:32}{'short s':>9}{'x (a)':>8}{'WER':>8}{'same':>7}{'long s':>9}{'x (b)':>8}")
    for way, result in results.items():
        wer = error_rate([c.text for c in short], list(result.texts)) if name == "demo" else None
        same = sum(map(str.__eq__, result.texts, base.texts)) / len(short)
        print(
            f"{way:32}{result.short:9.2f}{base.short / result.short:8.2f}"
            f"{'' if wer is None else f'{wer:.1%}':>8}{same:7.0%}"
            f"{result.long:9.2f}{results[B].long / result.long:8.2f}",
            flush=True,
        )
        if name != "demo" and same < 1:
            raise click.ClickException(
                f"{way}: a model that always says the same said another text"
            )
    for way, bar in BARS.items():
        ratio = base.short / results[way].short
        print(f"bar of {bar}x (a) for {way}: {'met' if ratio >= bar else 'MISSED'} ({ratio:.2f}x)")
        ratio = results[B].long / results[way].long
        said = "met" if ratio >= LONG_BAR else "MISSED"
        print(f"bar of {LONG_BAR}x (b) for long audio, {way}: {said} ({ratio:.2f}x)")


if __name__ == "__main__":
    main()
