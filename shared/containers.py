"""The container formats of audio that EchoBase knows, as data."""

from typing import NamedTuple


class Container(NamedTuple):
    """A container format that we accept."""

    demuxer: str
    """FFmpeg's name of it."""
    extension: str
    """For a file's name, without a dot; in settings it names the format."""
    content_type: str
    label: str
    """What people call it."""


CONTAINERS: tuple[Container, ...] = (
    Container("wav", "wav", "audio/wav", "wav"),
    Container("mp3", "mp3", "audio/mpeg", "mp3"),
    Container("mov,mp4,m4a,3gp,3g2,mj2", "m4a", "audio/mp4", "m4a/mp4"),
    Container("ogg", "ogg", "audio/ogg", "ogg/opus"),
    Container("flac", "flac", "audio/flac", "flac"),
    Container("matroska,webm", "webm", "audio/webm", "webm"),
    Container("amr", "amr", "audio/amr", "amr"),
    Container("aac", "aac", "audio/aac", "aac"),
    Container("aiff", "aiff", "audio/aiff", "aiff"),
    Container("caf", "caf", "audio/x-caf", "caf"),
)
ALLOWED = ", ".join(container.label for container in CONTAINERS)
FORMATS: tuple[str, ...] = tuple(container.extension for container in CONTAINERS)
"""Their names in settings."""


def read_formats(value: str) -> str:
    """A list of formats, separated by commas, in its one form; raises ValueError."""
    named = {name.strip().lower() for name in value.split(",") if name.strip()}
    if unknown := named - set(FORMATS):
        raise ValueError(f"{', '.join(sorted(unknown))} is none of {', '.join(FORMATS)}")
    return ",".join(name for name in FORMATS if name in named)
