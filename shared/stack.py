"""Where the services run, for commands: from the settings, or from what the local stack wrote.

`<data>/stack.json` is there while a local stack runs.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from shared import settings
from shared.settings import IngestSettings, SiteSettings, StreamSettings


class Stack(Struct, frozen=True, kw_only=True):
    """A running local stack."""

    supervisor: int
    """Process id of its supervisor."""
    stream: str
    """Address of stream, and of the page."""
    ingest: str
    """Address of ingest."""
    health: dict[str, str]
    """Address of each service's health checks, by service."""
    pids: dict[str, int]
    """Process id of each part that runs."""


class Addresses(Struct, frozen=True, kw_only=True):
    """How to reach the two HTTP services."""

    stream: str
    ingest: str
    key: str = ""
    """The API key; none is asked for if empty."""


def stack_path(data: Path) -> Path:
    """The file that describes the local stack of a data folder."""
    return data / "stack.json"


def write_stack(data: Path, stack: Stack) -> None:
    """Describe the local stack; a reader sees the old description or the new one, whole."""
    draft = data / ".stack.json"
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(stack), indent=2))
    draft.rename(stack_path(data))


def read_stack(data: Path) -> Stack | None:
    """The local stack of a data folder; None if none is described there."""
    try:
        return msgspec.json.decode(stack_path(data).read_bytes(), type=Stack)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def running_stack(data: Path) -> Stack | None:
    """The local stack of a data folder, if its supervisor lives."""
    if (stack := read_stack(data)) is None:
        return None
    try:
        os.kill(stack.supervisor, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return stack  # it is another user's
    return stack


def addresses(env: Mapping[str, str]) -> Addresses:
    """Where the services are: the public addresses if set, else the local stack's, else the ports'.

    Raises SettingError.
    """
    site = settings.load(SiteSettings, env)
    stream = settings.load(StreamSettings, env)
    ingest = settings.load(IngestSettings, env)
    running = running_stack(site.data)

    def choose(configured: str, port: int, local: str | None) -> str:
        if local and not configured:
            return local
        return settings.public_url(configured, site.bind, port, site.base_path)

    return Addresses(
        stream=choose(stream.public_url, stream.stream_port, running and running.stream),
        ingest=choose(ingest.ingest_public_url, ingest.ingest_port, running and running.ingest),
        key=site.api_key,
    )
