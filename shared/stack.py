"""Where the services run, for commands: from the settings, or from what the local stack wrote.

`<data>/stack.json` is there while a local stack runs.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from shared import settings
from shared.errors import SettingError
from shared.settings import (
    IngestSettings,
    NatsSettings,
    SiteSettings,
    StoreSettings,
    StreamSettings,
)


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
    nats: str = ""
    """Address of its own nats-server; empty if it uses another one."""
    store: str = ""
    """Address of its own S3 server; empty if it uses another one."""


class _Login(Struct):
    """What commands need of the credentials that the stack keeps in its data folder."""

    nats_user: str
    nats_password: str
    store_access_key: str = ""
    store_secret_key: str = ""


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


def nats_settings(env: Mapping[str, str]) -> NatsSettings:
    """How to reach the bus: as the settings say, else that of the local stack that runs.

    Raises SettingError.
    """
    configured = settings.load(NatsSettings, env)
    data = settings.load(SiteSettings, env).data
    running = None if env.get("ECHOBASE_NATS_URL") else running_stack(data)
    if running is None or not running.nats:
        return configured
    login = _login(data)
    return msgspec.structs.replace(
        configured,
        nats_url=running.nats,
        nats_user=login.nats_user,
        nats_password=login.nats_password,
    )


def store_settings(env: Mapping[str, str]) -> StoreSettings:
    """How to reach the store: as the settings say, else that of the local stack that runs.

    Raises SettingError.
    """
    configured = settings.load(StoreSettings, env)
    data = settings.load(SiteSettings, env).data
    running = None if env.get("ECHOBASE_STORE_URL") else running_stack(data)
    if running is None or not running.store:
        return configured
    login = _login(data)
    return msgspec.structs.replace(
        configured,
        store_url=running.store,
        store_access_key=login.store_access_key,
        store_secret_key=login.store_secret_key,
    )


def _login(data: Path) -> _Login:
    path = data / "secrets.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Login)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingError(f"the local stack's {path} cannot be read: {error}") from error
