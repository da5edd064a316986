"""How right a model is, with one window and another, on files whose text is known."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from services.transcriber.direct import chunks_of, decode_together
from services.transcriber.engine import Engine
from services.transcriber.libraries import library
from shared.messages import Plan


@dataclass(frozen=True)
class Heard:
    """What one way of decoding gave."""

    name: str
    files: int
    error_rate: float
    """Of words, over all files: 0 is perfect."""
    seconds: float
    """Of decoding."""


def compare(engine: Engine, plans: Mapping[str, Plan], folder: Path) -> list[Heard]:
    """The files of a folder with their `.txt` beside, by each of the plans.

    Raises ClickException if there is none.
    """
    pairs = texts_beside(folder)
    if not pairs:
        raise click.ClickException(f"no file of {folder} has its text beside it, such as call.txt")
    return [_hear(engine, name, plan, pairs) for name, plan in plans.items()]


def texts_beside(folder: Path) -> dict[Path, str]:
    """Each file that has a text of its name beside it, with that."""
    return {
        path: path.with_suffix(".txt").read_text()
        for path in sorted(folder.iterdir())
        if path.suffix != ".txt" and path.with_suffix(".txt").is_file()
    }


def words(text: str) -> str:
    """What is compared: words in lower case, without punctuation."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


def _hear(engine: Engine, name: str, plan: Plan, pairs: Mapping[Path, str]) -> Heard:
    heard: list[str] = []
    began = time.perf_counter()
    with TemporaryDirectory() as scratch:
        for path in pairs:
            chunks = chunks_of(path, plan, Path(scratch) / "samples")
            spoken = decode_together(engine, chunks)
            heard.append(words(" ".join(piece.text for each in spoken for piece in each)))
    seconds = time.perf_counter() - began
    jiwer: Any = library("jiwer")
    said = [words(text) for text in pairs.values()]
    return Heard(name, len(pairs), float(jiwer.wer(said, heard)), seconds)
