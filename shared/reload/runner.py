"""The process that runs a service for its reloader: imports, waits for its turn, runs.

    python -m shared.reload.runner MODULE DESCRIPTOR

It dies with its reloader, however that ends.
"""

import contextlib
import importlib
import logging
import os
import runpy
import select
import socket
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path

from shared.reload.link import Failed, Go, Imported, Load, Prepare, Ready, decode_order, encode

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `shared` and `services`."""
_OWN = ("shared", "services")
_ANNOUNCES = "shared.lifecycle"
"""The logger by which a service says that it is ready."""
_QUIET = 1.0
"""Seconds before libraries are imported for later: what was saved just now goes first."""


def main(module: str, link: socket.socket) -> None:
    """Do as the reloader says, until there is nothing more to say."""
    for line in link.makefile("rb"):
        match decode_order(line):
            case Prepare(libraries):
                select.select([link], [], [], _QUIET)
                _import(libraries)
            case Load():
                _load(module, link)
            case Go():
                threading.Thread(target=_die_with, args=(link,), daemon=True).start()
                _tell_when_ready(link)
                del sys.modules[module]
                sys.argv = [module]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
                return


def _import(libraries: Iterable[str]) -> None:
    for name in libraries:
        # Some are parts that nobody imports by name.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _load(module: str, link: socket.socket) -> None:
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever a saved file does, its author is told
        link.sendall(encode(Failed(explain(error))))
        sys.exit(1)
    link.sendall(encode(Imported(own_files())))


def own_files() -> list[str]:
    """The project's own files that are imported."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return sorted({str(Path(file).resolve()) for file in files if file and _is_own(file)})


def libraries() -> list[str]:
    """The modules that are imported and not the project's own, in the order of their import."""
    return [name for name in sys.modules if name.partition(".")[0] not in (*_OWN, "__main__")]


def explain(error: BaseException) -> list[str]:
    """The traceback, less the frames of libraries and of the import system."""
    found = traceback.TracebackException.from_exception(error)
    own = [frame for frame in found.stack if _is_own(frame.filename)]
    found.stack = traceback.StackSummary.from_list(own)
    return "".join(found.format()).rstrip().splitlines()


def _is_own(file: str) -> bool:
    path = Path(file).resolve()
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ("",)
    return parts[0] in _OWN and parts[:2] != ("shared", "reload")


def _die_with(link: socket.socket) -> None:
    link.recv(1)
    os._exit(1)


def _tell_when_ready(link: socket.socket) -> None:
    class Tell(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "ready":
                link.sendall(encode(Ready(libraries())))

    logger = logging.getLogger(_ANNOUNCES)
    # Whatever level the site has set: without a record there is nothing to see.
    logger.setLevel(logging.INFO)
    logger.addHandler(Tell())


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
