"""The model hub, as faster-whisper reaches it; asked only when a model must be looked up there."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, cast

_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_ETAG_TIMEOUT": "5",
}


class FetchFailed(Exception):
    """The model could not be fetched; `str()` is one line."""


def quiet() -> None:
    """Keep the hub's client from drawing bars and from reporting home.

    It reads its variables when it is imported: call this before anything imports faster-whisper.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def names() -> list[str]:
    """The names that faster-whisper knows."""
    return cast(list[str], _library().available_models())


def fetch(name: str, folder: Path, *, local_only: bool) -> Path:
    """The folder of a model, fetched below `folder` unless it is there or `local_only` is set.

    Slow, for a thread. Raises FetchFailed.
    """
    try:
        return Path(
            _library().download_model(name, cache_dir=str(folder), local_files_only=local_only)
        )
    except Exception as error:  # the hub's client raises a dozen unrelated kinds
        line = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise FetchFailed(line[:200]) from error


def _library() -> Any:  # noqa: ANN401 - it has no types
    quiet()
    return cast(Any, import_module("faster_whisper.utils"))
