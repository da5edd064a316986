"""Which of a folder's files count, and which belong together: those of one name, whatever form."""

import os
import re
from typing import NamedTuple

from shared.media import CONTAINERS

META = ".json"
"""What trunk-recorder writes beside a call."""
_ALSO = (".aif", ".aifc", ".m4b", ".mp4", ".mka", ".mkv", ".mov", ".3gp", ".oga", ".opus")
AUDIO = (
    # In the order in which they are preferred: trunk-recorder makes an m4a of its wav.
    ".m4a",
    *sorted({f".{c.extension}" for c in CONTAINERS} - {".m4a", ".wav"}),
    *_ALSO,
    ".wav",
)
"""Endings of audio files, in lower case."""
SUFFIXES = (*AUDIO, META)
_NOT_YET = re.compile(r"\.|.*(~\Z|\.raw\.wav\Z|_baseband\.wav\Z)", re.IGNORECASE)
"""Hidden files, which is what copies in progress are; trunk-recorder's parts; raw radio."""


class Stamp(NamedTuple):
    """By what a file is known to be as it was."""

    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970."""


class Group(NamedTuple):
    """The files of one name but for their endings, such as a call's audio and its JSON."""

    folder: str
    """Relative to the watched one, with `/` between; empty for itself."""
    stem: str

    def path(self, suffix: str) -> str:
        """A file of it, relative to the watched folder."""
        name = self.stem + suffix
        return f"{self.folder}/{name}" if self.folder else name


def split(name: str) -> tuple[str, str] | None:
    """A file's stem and ending; None for one that is none of our business."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a Path's would be made for nothing
    if not stem or suffix.lower() not in SUFFIXES or _NOT_YET.match(name):
        return None
    return stem, suffix


def is_audio(suffix: str) -> bool:
    """Whether a file of this ending is taken for audio."""
    return suffix.lower() in AUDIO


def preference(suffix: str) -> int:
    """Of a call's audio files the one with the lowest is taken."""
    return AUDIO.index(suffix.lower())


def shown(path: str) -> str:
    """A path in a form that can be written anywhere: names need not be text."""
    return os.fsencode(path).decode("utf-8", "replace")
