"""How long from a recording to words: EchoBase beside faster-whisper alone, in one run.

    make bench
    python -m benchmarks.first_words [rounds]

Measured on this machine with the bundled model (int8, CPU, beam 1, English, as many threads as
cores, numpy's own threads off on both sides), in rounds that take turns; the medians are shown.
Absolute figures are this machine's; ratios travel.

- **alone**: faster-whisper in this process, model loaded, from a file name to its text. The bundled
  model was trained on single utterances, so whole windows of a conversation come out wrong: look at
  the error rate beside each speed. "our chunks, 30 s windows" decodes exactly the audio that
  EchoBase decodes, in windows that faster-whisper pads to 30 s; it is the one with equal words.
- **EchoBase**: the local stack as processes, model loaded, from before the upload to `completed` at
  a reader of the events: upload, spool with fsync, store, queue, decoding, transcript, events.
- **start**: from starting `echobase up` on a data folder that exists to the first word of a short
  call that is sent as soon as ingest answers.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.faster_whisper_alone import Alone
from benchmarks.local_stack import Clock, Run, RunningStack, running, transcribe
from benchmarks.samples import CALL, MODEL, error_rate
from deploy.local.samples import Sample, samples

ROUNDS = 5
STARTS = 3
BAR = 1.1
"""EchoBase may take so many times as long as faster-whisper alone."""
OURS = "EchoBase, upload to completed"


@dataclass
class Measured:
    """One way's rounds."""

    seconds: list[float] = field(default_factory=list[float])
    text: str = ""

    @property
    def median(self) -> float:
        """Seconds."""
        return median(self.seconds)


def main() -> None:
    """Measure, and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    threads = os.cpu_count() or 1
    asyncio.run(_measure(rounds, threads))


async def _measure(rounds: int, threads: int) -> None:
    conversation = next(s for s in samples() if s.duration > CALL)
    settings = {
        "WHISPER_MODEL_NAME": "demo",
        "WHISPER_DEVICE": "cpu",
        "WHISPER_COMPUTE_TYPE": "int8",
        "WHISPER_LANGUAGE": "en",
        "ECHOBASE_THREADS": str(threads),
    }
    print(f"{threads} threads, {rounds} rounds, {conversation.duration:.0f} s of conversation\n")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        first = await _start(data, settings)
        later = [await _start(data, settings) for _ in range(STARTS)]
        _print_starts(first, later)
        async with running(data, settings) as stack:
            await _compare(stack, Alone(MODEL, threads), conversation, rounds)


async def _start(data: Path, settings: Mapping[str, str]) -> Clock:
    """Start the stack, hear one short call, end it."""
    call = samples()[0]
    async with running(data, settings) as stack:
        stack.clock.mark("upload begins")
        await transcribe(stack, call.path, f"start-{os.urandom(4).hex()}", stack.clock)
        return stack.clock


async def _compare(stack: RunningStack, alone: Alone, conversation: Sample, rounds: int) -> None:
    measured: dict[str, Measured] = {}
    runs: list[Run] = []
    await transcribe(stack, conversation.path, "warm-up", Clock())
    for number in range(rounds):
        for name, way in alone.ways().items():
            clock = Clock()
            text = await asyncio.to_thread(way, conversation.path)
            clock.mark("end")
            _add(measured, name, clock.moments["end"], text)
        run = await transcribe(stack, conversation.path, f"round-{number}", Clock())
        _add(measured, OURS, run.seconds, run.text)
        runs.append(run)
    _print_comparison(measured, conversation)
    _print_parts(runs)


def verdict(reference: str, ours: float, theirs: float) -> str:
    """Whether so many seconds of ours keep the bar against theirs."""
    ratio = ours / theirs
    said = "met" if ratio <= BAR else "MISSED"
    return f"bar of {BAR}x against {reference}: {said} ({ratio:.2f}x)"


def _add(measured: dict[str, Measured], name: str, seconds: float, text: str) -> None:
    one = measured.setdefault(name, Measured())
    one.seconds.append(seconds)
    one.text = text


def _print_comparison(measured: Mapping[str, Measured], conversation: Sample) -> None:
    ours = measured[OURS].median
    print(
        f"{'way':32}{'seconds':>9}{'min-max':>14}{'x real time':>13}{'WER':>8}{'EchoBase is':>14}"
    )
    for name, one in measured.items():
        spread = f"{min(one.seconds):.2f}-{max(one.seconds):.2f}"
        print(
            f"{name:32}{one.median:9.2f}{spread:>14}{conversation.duration / one.median:13.0f}"
            f"{error_rate(conversation.text, one.text):8.1%}{ours / one.median:13.2f}x"
        )
    print()
    for name, one in measured.items():
        if name != OURS:
            print(verdict(name, ours, one.median))


def _print_parts(runs: list[Run]) -> None:
    total = median(run.seconds for run in runs)
    model = median(run.processing for run in runs)
    print(
        f"of EchoBase's {total:.2f} s the transcriber worked {model:.2f} s;"
        f" upload, spool, store, queue and events took {total - model:.2f} s"
    )


def _print_starts(first: Clock, later: list[Clock]) -> None:
    print(f"{'seconds from start to':32}{'first start':>12}{'later, median':>15}")
    for name in sorted(first.moments, key=first.moments.__getitem__):
        times = [clock.moments[name] for clock in later if name in clock.moments]
        shown = f"{median(times):.2f}" if times else ""
        print(f"{name:32}{first.moments[name]:12.2f}{shown:>15}")
    print()


if __name__ == "__main__":
    main()
