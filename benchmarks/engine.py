"""`make bench-engine`: many short calls, and long audio, by faster-whisper alone and by EchoBase.

    (a)  faster-whisper's `WhisperModel.transcribe` in a loop, file by file
    (b)  its `BatchedInferencePipeline`, file by file
    (c)  EchoBase from a job's message on NATS to the stored transcript, with windows of 30 s
    (d)  the same with short windows, cut as the model's folder says

One run, one machine, one model, the same files, int8, beam 1, English, all cores on every side.
`tiny` and `base` are of Whisper's sizes with random weights, and say the same 24 tokens whatever
they hear: of them every way must give the same text. `demo` is the bundled model; in (c) it is cut
as in (b), at pauses into chunks of up to 30 s, so that all encode as many windows. The word error
rate stands beside each speed. Every text of (c) and (d), of short calls and of the long recording,
must be what its chunks give when each is decoded alone, or the run fails.
Absolute figures are this machine's; ratios travel.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.engine_clips import Clip, make_clips, make_long
from benchmarks.engine_pipeline import pipeline
from benchmarks.engine_reference import Reference, cut_as_whisper
from benchmarks.faster_whisper_alone import Alone
from benchmarks.samples import MODEL, error_rate
from benchmarks.steered_model import SIZES, make

CACHE = Path(".cache") / "bench-engine"
A, B = "(a) transcribe() in a loop", "(b) BatchedInferencePipeline"
C, D = "(c) EchoBase, whole windows", "(d) EchoBase, short windows"
MARGINS = {C: 30.0, D: 0.4}
"""Seconds: `ECHOBASE_WINDOW_MARGIN`."""
BARS = {C: 1.3, D: 4.0}
LONG_BAR = 0.98


@dataclass(frozen=True)
class Result:
    """One way's time for all clips, and for the long one, with what was said."""

    short: float
    long: float
    texts: Sequence[str]
    long_text: str


@click.command()
@click.option("--clips", default=500, show_default=True, help="Short calls.")
@click.option("--long", "long_seconds", default=3600.0, show_default=True, help="Seconds.")
@click.option("--models", default="tiny,base,demo", show_default=True, help="Which, in order.")
def main(clips: int, long_seconds: float, models: str) -> None:
    """Measure, compare and print."""
    short = make_clips(CACHE / "clips", clips)
    long = make_long(CACHE, short, long_seconds)
    audio = sum(clip.seconds for clip in short)
    print(
        f"{os.cpu_count()} cores; {clips} clips, {audio:.0f} s; long: {long.seconds:.0f} s",
        flush=True,
    )
    for name in models.split(","):
        folder = MODEL if name == "demo" else make(SIZES[name], CACHE / "models")
        results = asyncio.run(_measure(name, folder.absolute(), short, long))
        _report(name, results, short, long)


async def _measure(name: str, model: Path, short: Sequence[Clip], long: Clip) -> dict[str, Result]:
    alone = Alone(model, threads=os.cpu_count() or 1)
    results = {
        way: _alone(f"{name}, {way}", speak, short, long)
        for way, speak in ((A, alone.greedy), (B, alone.batched))
    }
    del alone
    for way, margin in MARGINS.items():
        _tell(f"{name}, {way}: begun")
        fed = model
        if name == "demo" and way == C:
            fed = cut_as_whisper(model, (CACHE / "models" / "demo-cut").absolute())
        results[way] = await _ours(fed, short, long, margin)
        _check(f"{name}, {way}", results[way], Reference(fed, margin), short, long)
    return results


def _alone(label: str, way: Callable[[Path], str], short: Sequence[Clip], long: Clip) -> Result:
    way(short[0].path)
    began = time.perf_counter()
    texts = [way(clip.path) for clip in _counted(label, short)]
    middle = time.perf_counter()
    long_text = way(long.path)
    _tell(f"{label}: the long recording too")
    return Result(middle - began, time.perf_counter() - middle, texts, long_text)


async def _ours(model: Path, short: Sequence[Clip], long: Clip, margin: float) -> Result:
    settings = {
        "WHISPER_DEVICE": "cpu",
        "WHISPER_COMPUTE_TYPE": "int8",
        "WHISPER_BEAM_SIZE": "1",
        "ECHOBASE_WINDOW_MARGIN": str(margin),
    }
    with TemporaryDirectory() as folder:
        async with pipeline(Path(folder), model, settings) as ours:
            await ours.transcribe([short[0].path], "warm-up")
            calls = await ours.transcribe([clip.path for clip in short], "short")
            hour = await ours.transcribe([long.path], "long")
    return Result(calls.seconds, hour.seconds, calls.texts, hour.texts[0])


def _check(
    way: str, result: Result, reference: Reference, short: Sequence[Clip], long: Clip
) -> None:
    said = [*result.texts, result.long_text]
    clips = _counted(f"{way}, each chunk alone", [*short, long])
    for clip, text in zip(clips, said, strict=True):
        if text != (wanted := reference.text(clip.path)):
            raise click.ClickException(
                f"{way}: {clip.path.name} shared the model and came out as {text[:200]!r}, "
                f"alone as {wanted[:200]!r}"
            )


def _report(name: str, results: dict[str, Result], short: Sequence[Clip], long: Clip) -> None:
    base = results[A]
    print(
        f"\n{name:30}{'short s':>9}{'x (a)':>7}{'WER':>7}{'as (a)':>8}"
        f"{'long s':>9}{'x (b)':>7}{'WER':>7}"
    )
    for way, result in results.items():
        said, long_said = [c.text for c in short], long.text
        wers = ["", ""]
        if name == "demo":
            wers = [f"{error_rate(said, list(result.texts)):.1%}"]
            wers.append(f"{error_rate(long_said, result.long_text):.1%}")
        same = sum(map(str.__eq__, result.texts, base.texts)) / len(short)
        print(
            f"{way:30}{result.short:9.2f}{base.short / result.short:7.2f}{wers[0]:>7}{same:8.0%}"
            f"{result.long:9.2f}{results[B].long / result.long:7.2f}{wers[1]:>7}",
            flush=True,
        )
        if name != "demo" and same < 1:
            raise click.ClickException(
                f"{way}: a model that always says the same said another text"
            )
    for way, bar in BARS.items():
        ratio = base.short / results[way].short
        print(f"bar of {bar}x (a) for {way}: {_said(ratio, bar)}")
        ratio = results[B].long / results[way].long
        print(f"bar of {LONG_BAR}x (b) for long audio, {way}: {_said(ratio, LONG_BAR)}")
    print("every text of (c) and (d) is that of its chunks decoded alone", flush=True)


def _counted(label: str, clips: Sequence[Clip]) -> Iterator[Clip]:
    for number, clip in enumerate(clips, 1):
        yield clip
        if number % 100 == 0:
            _tell(f"{label}: {number} of {len(clips)}")


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _said(ratio: float, bar: float) -> str:
    return f"{'met' if ratio >= bar else 'MISSED'} ({ratio:.2f}x)"


if __name__ == "__main__":
    main()
