"""`echobase bench`: how fast this machine is with the configured model, and how right.

Files are cut as the transcriber cuts them. Their chunks are decoded in batches of several sizes, by
as many calls at a time as the transcriber makes, and each size's speed is printed; `--accuracy`
compares what is said with the text beside each file, with whole windows and with short ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from services.transcriber.process import prepare

prepare()

# Only now: they import numpy.
# ruff: noqa: E402
from services.transcriber.bench_accuracy import Heard, compare
from services.transcriber.bench_plot import plot
from services.transcriber.bench_speed import Speed, best, measure
from services.transcriber.chunk import Chunk
from services.transcriber.chunks import RATE
from services.transcriber.direct import chunks_of
from services.transcriber.engine import Engine
from services.transcriber.engines import load_own
from services.transcriber.model_folder import LONGEST_WINDOW
from services.transcriber.plan import make_plan
from shared import settings
from shared.errors import NotAudio
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings
from shared.settings_batching import BatchingSettings

_MOST_CHUNKS = 64
_MARGIN = 0.4
"""Seconds of the short window, where neither setting nor model names one."""


@dataclass(frozen=True)
class _Loaded:
    engine: Engine
    plan: Plan
    workers: int


@click.command()
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--accuracy",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Audio files, each with what is said in it beside: call.wav and call.txt.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("bench.svg"),
    show_default=True,
    help="Where the plot of the speeds goes.",
)
@click.option("--language", default="", help="ISO 639-1 code; the setting's, else English.")
def bench(folder: Path | None, accuracy: Path | None, svg: Path, language: str) -> None:
    """Measure the configured model on this machine with the audio files of FOLDER.

    FOLDER is that of --accuracy if you give none.
    """
    source = folder or accuracy
    if source is None:
        raise click.UsageError("give a folder with audio files, or --accuracy FOLDER")
    loaded = _load(language)
    plan = loaded.plan
    chunks = _chunks(source, plan)
    seconds = sum(len(chunk.samples) for chunk in chunks) / RATE
    click.echo(f"{len(chunks)} chunks, {seconds:.0f} s, of {source}")
    speeds = measure(loaded.engine, chunks, loaded.workers)
    _show(speeds)
    svg.write_text(plot(speeds, loaded.engine.model.name))
    click.echo(f"plot: {svg}")
    if accuracy is not None:
        _show_accuracy(compare(loaded.engine, _margins(plan), accuracy))


def _load(language: str) -> _Loaded:
    env = settings.environment()
    own = settings.load(TranscriberSettings, env)
    batching = settings.load(BatchingSettings, env)
    engine, choice = load_own(own, batching=batching)
    click.echo(
        f"{engine.model.name} on {choice.device} ({choice.reason}): {choice.compute_type}, "
        f"{choice.workers} calls at a time, {choice.threads} threads each"
    )
    found = engine.model
    asked = language or own.whisper_language or "en"
    plan = make_plan(Options(language=asked), own, found.name, found.traits)
    engine.check(asked)
    return _Loaded(engine, plan, choice.workers)


def _chunks(folder: Path, plan: Plan) -> list[Chunk]:
    found: list[Chunk] = []
    with TemporaryDirectory() as scratch:
        for path in sorted(folder.iterdir()):
            if path.is_file() and len(found) < _MOST_CHUNKS:
                try:
                    found += chunks_of(path, plan, Path(scratch) / "samples")
                except NotAudio:
                    continue
    if not found:
        raise click.ClickException(f"{folder} holds no audio file with speech")
    return found[:_MOST_CHUNKS]


def _margins(plan: Plan) -> dict[str, Plan]:
    margin = plan.window_margin if plan.window_margin is not None else _MARGIN
    return {
        f"whole window, {LONGEST_WINDOW:.0f} s": _with_margin(plan, None),
        f"short window, {margin:g} s more": _with_margin(plan, margin),
    }


def _with_margin(plan: Plan, margin: float | None) -> Plan:
    return msgspec.structs.replace(plan, window_margin=margin)


def _show(speeds: Sequence[Speed]) -> None:
    click.echo(f"{'batch':>6}{'seconds':>9}{'x real time':>13}")
    for speed in speeds:
        click.echo(f"{speed.batch:6}{speed.seconds:9.2f}{speed.times:13.1f}")
    click.echo(f"best: ECHOBASE_BATCH_MAX={best(speeds).batch}")


def _show_accuracy(found: Sequence[Heard]) -> None:
    click.echo(f"{'window':28}{'files':>6}{'words wrong':>13}{'seconds':>9}")
    for heard in found:
        click.echo(f"{heard.name:28}{heard.files:6}{heard.error_rate:13.1%}{heard.seconds:9.2f}")
