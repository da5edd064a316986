"""`echobase bench`: speeds, what is best of them, the plot and the accuracy."""

import shutil
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from deploy.local.samples import samples
from services.transcriber.bench_accuracy import texts_beside, words
from services.transcriber.bench_command import bench
from services.transcriber.bench_plot import plot
from services.transcriber.bench_speed import Speed, best, measure
from services.transcriber.chunk import Chunk
from services.transcriber.chunks import RATE
from services.transcriber.scripted_engine import ScriptedEngine
from shared.messages import Options, Plan

PLAN = Plan(
    model="m",
    options=Options(),
    longest_chunk=30,
    join_pauses=True,
    shortest_pause=0.5,
    padding=0.2,
    window_margin=None,
    beam_size=1,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two calls with their texts; the bundled model is configured."""
    monkeypatch.setenv("WHISPER_MODEL_NAME", "demo")
    monkeypatch.setenv("WHISPER_DEVICE", "cpu")
    target = tmp_path / "calls"
    target.mkdir()
    for sample in [sample for sample in samples() if sample.duration < 10][:2]:
        shutil.copy(sample.path, target)
        (target / sample.path.with_suffix(".txt").name).write_text(f"{sample.text.upper()}!")
    return target


def test_speed_and_accuracy_are_printed_and_plotted(folder: Path, tmp_path: Path) -> None:
    svg = tmp_path / "plot.svg"
    result = CliRunner().invoke(bench, ["--accuracy", str(folder), "--svg", str(svg)])
    assert result.exit_code == 0, result.output
    assert "demo on cpu (WHISPER_DEVICE says so" in result.output
    assert "best: ECHOBASE_BATCH_MAX=" in result.output
    rates = {
        line[:28].strip(): float(line[34:47].rstrip("% \n"))
        for line in result.output.splitlines()
        if "window," in line
    }
    assert list(rates) == ["whole window, 30 s", "short window, 0.4 s more"]
    assert all(rate < 50 for rate in rates.values())
    assert ElementTree.fromstring(svg.read_text()).tag.endswith("svg")


def test_it_says_what_it_needs(folder: Path, tmp_path: Path) -> None:
    nothing = CliRunner().invoke(bench, [])
    assert nothing.exit_code == 2
    assert "--accuracy FOLDER" in nothing.output
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no audio file" in CliRunner().invoke(bench, [str(empty)]).output
    for text in folder.glob("*.txt"):
        text.unlink()
    svg = ["--svg", str(tmp_path / "plot.svg")]
    refused = CliRunner().invoke(bench, ["--accuracy", str(folder), *svg])
    assert refused.exit_code == 1
    assert "has its text beside it" in refused.output


def test_every_size_that_can_be_filled_is_measured() -> None:
    engine = ScriptedEngine()
    chunks = [Chunk(np.zeros(RATE, np.float32), n, PLAN, "en") for n in range(5)]
    ticks = count()
    speeds = measure(engine, chunks, 1, lambda: float(next(ticks)))
    assert [(speed.batch, speed.times) for speed in speeds] == [(1, 5.0), (2, 5.0), (4, 5.0)]
    assert engine.calls == [1, *[1] * 5, 2, 2, 1, 4, 1]


def test_the_smallest_batch_that_is_about_as_fast_is_best() -> None:
    speeds = [Speed(1, 10, 100), Speed(4, 5.1, 100), Speed(8, 5.0, 100), Speed(16, 6, 100)]
    assert best(speeds).batch == 4
    assert plot(speeds, "<model>").count('fill="#1f6feb"') == 1


def test_case_and_punctuation_are_no_mistakes(tmp_path: Path) -> None:
    assert words("Engine 7, RESPOND.") == "engine 7 respond"
    (tmp_path / "alone.wav").touch()
    (tmp_path / "b.wav").touch()
    (tmp_path / "b.txt").write_text("b")
    assert texts_beside(tmp_path) == {tmp_path / "b.wav": "b"}
