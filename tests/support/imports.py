"""Who imports whom, read from the source: what a plain import, importlib and a string can hide."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SERVICES = ("ingest", "stream", "transcriber")
_LOADERS = {"import_module", "__import__", "find_spec", "run_module"}
_SERVICE_NAME = re.compile(r"services\.(\w+)(\.\w+)*(:\w+)?\Z")


def faults(root: Path) -> list[str]:
    """Each forbidden import below a project's root, as `file:line: imports name`."""
    return [
        f"{path.relative_to(root)}:{line}: imports {name}"
        for path in sorted(
            p for top in ("shared", "services", "deploy") for p in (root / top).rglob("*.py")
        )
        for name, line in imported(path, root)
        if not allowed(path.relative_to(root).parts, name)
    ]


def allowed(importer: tuple[str, ...], name: str) -> bool:
    """Whether a file, given by the parts of its path, may import a module."""
    match importer, name.split("."):
        case _, ["tests" | "benchmarks", *_]:
            return False
        case ("shared", *_), ["services" | "deploy", *_]:
            return False
        case ("services", *_), ["deploy", *_]:
            return False
        case ("services", owner, *_), ["services", other, *_]:
            return owner == other
        case ("deploy", *_), ["services", *_]:
            return False
        case _:
            return True


def imported(path: Path, root: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, by statement or by name, with its line."""
    package = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _base(package, module, level)
                yield base, node.lineno
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _called(node) in _LOADERS:
                yield name, node.lineno
            case ast.Constant(value=str(text)) if package[0] != "deploy" and _SERVICE_NAME.match(
                text
            ):
                # A service's name as data is as good as an import; deploy starts processes by it.
                yield text.partition(":")[0], node.lineno
            case _:
                pass


def _base(package: tuple[str, ...], module: str | None, level: int) -> str:
    parts = list(package[: len(package) - level + 1]) if level else []
    return ".".join([*parts, *([module] if module else [])])


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
