"""The project's own files, and what must not be in any of them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LONGEST = 400
"""Lines."""
NOT_OURS = {".git", ".env", "__pycache__"}
"""Beside hidden folders."""
RUN_TIME = {"data", "models", "artifacts", "node_modules", "dist", "build"}
"""Folders at the top that a run or a build leaves."""
REGISTRIES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "npmjs" + ".com",
    "anaconda" + ".org",
    "crates" + ".io",
    "proxy.golang" + ".org",
)
_BARE_PATH = re.compile(r"(?<![\w.$}*])/(?:work|tmp)/\w")


def text_files(root: Path) -> Iterator[Path]:
    """Every text file of the project, whether git knows it or not."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if not _is_ours(parts) or not path.is_file():
            continue
        if b"\0" not in path.read_bytes()[:8192]:
            yield path


def too_long(paths: Iterable[Path], root: Path, reasons: dict[str, str]) -> list[str]:
    """Files of more than LONGEST lines that no reason allows, and reasons that nothing needs.

    A reason's key is a path, or a folder with its slash.
    """
    found: list[str] = []
    used: set[str] = set()
    for path in paths:
        name = path.relative_to(root).as_posix()
        lines = path.read_bytes().count(b"\n")
        if lines <= LONGEST:
            continue
        reason = next((key for key in reasons if name == key or _inside(name, key)), None)
        if reason is None:
            found.append(f"{name} has {lines} lines")
        else:
            used.add(reason)
    return found + [f"{key} needs no reason any more" for key in reasons if key not in used]


def mentions(text: str) -> list[str]:
    """Registries' host names and paths of somebody's machine that a text mentions."""
    hosts = [host for host in REGISTRIES if host in text.lower()]
    return hosts + [match[0] for match in _BARE_PATH.finditer(text)]


def _is_ours(parts: tuple[str, ...]) -> bool:
    hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
    return not (hidden or NOT_OURS & set(parts) or parts[0] in RUN_TIME)


def _inside(name: str, folder: str) -> bool:
    return folder.endswith("/") and name.startswith(folder)
