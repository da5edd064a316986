"""The model hub, as faster-whisper reaches it; asked only when a model must be looked up there."""

from pathlib import Path
from typing import cast

from services.transcriber.libraries import library

_MODULE = "faster_whisper.utils"


class FetchFailed(Exception):
    """The model could not be fetched; `str()` is one line."""


def names() -> list[str]:
    """The names that faster-whisper knows."""
    return cast(list[str], library(_MODULE).available_models())


def fetch(name: str, folder: Path, *, local_only: bool) -> Path:
    """The folder of a model, fetched below `folder` unless it is there or `local_only` is set.

    Slow, for a thread. Raises FetchFailed.
    """
    try:
        return Path(
            library(_MODULE).download_model(
                name, cache_dir=str(folder), local_files_only=local_only
            )
        )
    except Exception as error:  # the hub's client raises a dozen unrelated kinds
        line = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise FetchFailed(line[:200]) from error
