"""The slow, untyped libraries, imported when first needed, by one thread at a time.

faster-whisper's modules import each other: two threads that import it at once each find the
other's half.
"""

import os
import threading
from importlib import import_module
from types import ModuleType

_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_ETAG_TIMEOUT": "5",
}
_turn = threading.Lock()


def library(name: str) -> ModuleType:
    """The module of that name; slow the first time."""
    with _turn:
        # The hub's client would draw bars and report home; it reads these when it is imported.
        for variable, value in _QUIET.items():
            os.environ.setdefault(variable, value)
        return import_module(name)
