"""The stack as `make dev` runs it, on a copy of the project's own files."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.repository import ROOT
from tests.support.stack import RunningStack

CODE = ("shared", "services", "deploy/__init__.py", "deploy/local")
_READY = re.compile(r"^(\w+): ready ([0-9.]+) s after (.+) saved$", re.MULTILINE)
_LOADED = re.compile(r"^transcriber: model loaded in ", re.MULTILINE)


class DevelopedStack(RunningStack):
    """A stack that restarts what is saved in a tree of its own."""

    options = ("--reload",)

    def __init__(self, folder: Path, **more: str) -> None:
        self.tree = copied(folder / "tree")
        super().__init__(folder, PYTHONPATH=str(self.tree), COLUMNS="400", **more)

    @property
    def said(self) -> str:
        """What it has written so far."""
        return self.output.read_text()

    @property
    def reloads(self) -> list[tuple[str, float]]:
        """Each reload so far: the service, and the seconds from the save until it was ready."""
        return [(found[1], float(found[2])) for found in _READY.finditer(self.said)]

    @property
    def loads(self) -> int:
        """How often the speech model was loaded."""
        return len(_LOADED.findall(self.said))

    def count(self) -> Mapping[str, int]:
        """The reloads of each service."""
        names = [name for name, _ in self.reloads]
        return {name: names.count(name) for name in ("ingest", "stream", "transcriber")}

    def edit(self, file: str, old: str, new: str) -> None:
        """Save a file with one place changed."""
        path = self.tree / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), "utf-8")

    def append(self, file: str, text: str) -> None:
        """Save a file with a line more."""
        with (self.tree / file).open("a", encoding="utf-8") as opened:
            opened.write(f"{text}\n")

    def until_reloaded(self, before: Mapping[str, int], *services: str) -> list[float]:
        """Wait until each of some services was reloaded once more; the seconds that it took."""
        for name in services:
            self.wait(lambda name=name: self.count()[name] > before[name], f"reload of {name}")
        return [next(s for n, s in reversed(self.reloads) if n == name) for name in services]


def copied(tree: Path) -> Path:
    """The code that runs, copied: what git knows, and what it would take."""
    found = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *CODE],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in found.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    return tree
