"""What the documentation says, as data that can be held against the project."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")
_TARGET = re.compile(r"^(?P<name>[a-z][a-z-]*):(?!=)", re.MULTILINE)
_INLINED = ("make", "echobase", ".venv/bin/echobase", "python")
_SHELLS = {"sh", "bash", "console"}
READERS_TOOLS = {"cd", "cp", "curl", "export", "git", "nats", "open", "printf"}
"""What a reader has already."""


def section(text: str, title: str) -> str:
    """The part below a second-level heading. Raises ValueError if there is none."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if match is None:
        raise ValueError(f"no section {title!r}")
    return match[1]


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    return [found["body"] for found in _FENCE.finditer(text) if found["language"] == language]


def commands(text: str) -> Iterator[list[str]]:
    """Every command of the shell blocks, and every inline one of make, echobase and python."""
    for fence in _FENCE.finditer(text):
        if fence["language"] in _SHELLS:
            yield from _shell(fence["body"])
    for inline in _INLINE.finditer(_FENCE.sub("", text)):
        words = _without_variables(inline[1].split())
        if words and words[0] in _INLINED and len(words) > 1:
            yield words


def command_faults(
    found: Iterable[list[str]], targets: set[str], subcommands: set[str], modules: set[str]
) -> list[str]:
    """Commands that do not exist. `modules` are those that `python -m` may run."""
    return [
        f"{' '.join(words)!r} does not exist"
        for words in found
        if not _exists(words, targets, subcommands, modules)
    ]


def make_targets(makefile: str) -> set[str]:
    """The targets that people call; a name with a dot or a slash is a file."""
    return {match["name"] for match in _TARGET.finditer(makefile)}


def missing_links(text: str, folder: Path) -> list[str]:
    """Links and pictures of a page that lead to no file."""
    targets = [match["target"] for match in _LINK.finditer(text)]
    return [t for t in targets if "://" not in t and not (folder / t).exists()]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {i - 1 for i, row in enumerate(cells) if set("".join(row)) <= set("-: ")}
    return [r for i, r in enumerate(cells) if i not in heads and i - 1 not in heads]


def code(cell: str) -> list[str]:
    """What a cell holds between backticks."""
    return _INLINE.findall(cell)


def _shell(body: str) -> Iterator[list[str]]:
    joined = body.replace("\\\n", " ")
    for line in joined.splitlines():
        words = _without_variables(line.partition(" #")[0].removeprefix("$ ").split())
        if words and not words[0].startswith("#"):
            yield words


def _without_variables(words: list[str]) -> list[str]:
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    return words


def _exists(words: list[str], targets: set[str], subcommands: set[str], modules: set[str]) -> bool:
    match [Path(words[0]).name, *words[1:]]:
        case ["make", *rest]:
            return {w for w in rest if "=" not in w} <= targets
        case ["echobase", name, *_]:
            return name in subcommands
        case ["python", "-m", module, *_]:
            return module in modules
        case ["python", script, *_]:
            return script in modules
        case [tool, *_]:
            return tool in READERS_TOOLS
        case _:
            return False
