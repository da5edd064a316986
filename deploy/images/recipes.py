"""Which images there are, and what each is made of."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = "python:3.11-slim-bookworm"
"""What the Dockerfiles stand on unless told otherwise."""
USER = 10001
"""Who every container runs as; the number of its group too."""


@dataclass(frozen=True)
class Recipe:
    """One image."""

    name: str
    service: str
    target: str
    """The stage of the service's Dockerfile."""
    locks: tuple[str, ...]
    """What of `requirements/` is installed in it."""
    layers: tuple[str, ...]
    """What its layers hold, from the base up."""

    @property
    def tagged(self) -> str:
        """Its name with its tag, the project's version."""
        return f"{self.name}:{version()}"

    def dockerfile(self, source: Path = ROOT) -> Path:
        """Its Dockerfile in a copy of the repository."""
        return source / "services" / self.service / "Dockerfile"


RECIPES = (
    Recipe(
        "echobase-ingest",
        "ingest",
        "runtime",
        ("ingest",),
        ("base", "user", "dependencies", "code"),
    ),
    Recipe(
        "echobase-transcriber",
        "transcriber",
        "runtime",
        ("transcriber",),
        ("base", "user", "dependencies", "demo model", "code"),
    ),
    Recipe(
        "echobase-stream",
        "stream",
        "runtime",
        ("stream",),
        ("base", "user", "dependencies", "code"),
    ),
    Recipe(
        "echobase-transcriber-cuda",
        "transcriber",
        "cuda",
        ("transcriber", "cuda"),
        ("base", "user", "CUDA libraries", "dependencies", "demo model", "code"),
    ),
)
HEAVY: tuple[str, ...] = ("torch", "ctranslate2", "onnxruntime", "faster-whisper")
"""Packages that only the transcriber's images may hold."""


def recipe(name: str) -> Recipe:
    """The image of that name. Raises KeyError."""
    return {each.name: each for each in RECIPES}[name]


def version() -> str:
    """The project's version: every image's tag."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
