"""What a local stack consists of and where it listens, from the settings."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK, Ports, is_free
from deploy.local.process import Process
from deploy.local.servers import NatsServer, Recipe, answers, new_nats, new_s3
from shared import settings
from shared.binding import check_bind
from shared.errors import SettingError
from shared.rights import UserName
from shared.settings import (
    IngestSettings,
    LocalSettings,
    NatsSettings,
    SiteSettings,
    StoreSettings,
    StreamSettings,
    TranscriberSettings,
)

_LET_GO = 2.0
"""Seconds for a port to be let go by a stack that has just ended."""
_LOG_SIZE = 10 * 1024**2
"""Bytes beyond which a log is put aside at the start."""


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    process: Process
    ready: Callable[[], bool]
    address: str
    is_server: bool
    """Whether the services stand on it, so that it ends after them."""
    recipe: Recipe | None = None
    """What it is made from, if it is a server."""


@dataclass(frozen=True)
class Layout:
    """A stack, ready to be started."""

    data: Path
    parts: tuple[Part, ...]
    stream: str
    ingest: str
    model: str
    grace: float
    """Seconds that a service may take to end."""

    @property
    def health(self) -> dict[str, str]:
        """The address of each service's health checks."""
        return {part.name: part.address for part in self.parts if not part.is_server}

    @property
    def nats(self) -> str:
        """Where its own nats-server listens; empty if it uses another one."""
        return next((part.address for part in self.parts if part.name == "nats-server"), "")

    @property
    def store(self) -> str:
        """Where its own S3 server listens; empty if it uses another one."""
        return next((part.address for part in self.parts if part.name == "store"), "")

    def address(self, name: str) -> str:
        """Where a part listens."""
        return next(part.address for part in self.parts if part.name == name)


class _Ports:
    """Finds each listener its port: the one that is set, or another if they may move."""

    def __init__(self, inner: Ports, move: bool) -> None:
        self.inner = inner
        """Those of listeners that no setting names."""
        self._move = move
        self._given: dict[int, str] = {}

    def choose(self, variable: str, wanted: int) -> int:
        if (other := self._given.get(wanted)) and not self._move:
            raise SettingError(f"{variable}={wanted} is {other} too: set one of them to another")
        port = (
            self.inner.first_free(wanted, self._given)
            if self._move
            else self._wanted(variable, wanted)
        )
        self._given[port] = variable
        self.inner.leave(port)
        return port

    def _wanted(self, variable: str, wanted: int) -> int:
        deadline = time.monotonic() + _LET_GO
        while not is_free(wanted):
            if time.monotonic() > deadline:
                raise SettingError(
                    f"{variable}={wanted} is taken: stop what listens on that port,"
                    f" or set {variable} to another"
                )
            time.sleep(0.05)
        return wanted


def layout(env: Mapping[str, str], *, move: bool, model: str = "", reload: bool = False) -> Layout:
    """The stack that the settings describe.

    `move`: whether a part whose port is taken moves to a free one. `model`: what is transcribed
    with if WHISPER_MODEL_NAME is not set. `reload`: whether services restart when their code is
    saved. Raises SettingError.
    """
    site = settings.load(SiteSettings, env)
    check_bind(site)
    transcriber = settings.load(TranscriberSettings, env)
    data = site.data.absolute()
    local = settings.load(LocalSettings, env)
    ports = _Ports(Ports(range(*local.inner_span)), move)
    model = env.get("WHISPER_MODEL_NAME") or model or transcriber.whisper_model_name
    chosen: dict[UserName, int] = {
        "stream": ports.choose(
            "ECHOBASE_STREAM_PORT", settings.load(StreamSettings, env).stream_port
        ),
        "ingest": ports.choose(
            "ECHOBASE_INGEST_PORT", settings.load(IngestSettings, env).ingest_port
        ),
        "transcriber": ports.choose("ECHOBASE_TRANSCRIBER_PORT", transcriber.transcriber_port),
    }
    servers, reach = _servers(env, data, local, ports)
    child_env = {
        **os.environ,
        **env,
        **reach,
        **{f"ECHOBASE_{name.upper()}_PORT": str(port) for name, port in chosen.items()},
        "ECHOBASE_DATA": str(data),
        "WHISPER_MODEL_NAME": model,
    }
    runner = ("shared.reload",) if reload else ()
    services = [
        _service(
            name,
            port,
            site,
            Process(
                [sys.executable, "-m", *runner, f"services.{name}"],
                log=log_path(data, name),
                env=child_env | _login(servers, name),
            ),
        )
        for name, port in chosen.items()
    ]
    return Layout(
        data=data,
        parts=(*servers, *services),
        stream=_public(child_env, StreamSettings, "public_url", chosen["stream"], site),
        ingest=_public(child_env, IngestSettings, "ingest_public_url", chosen["ingest"], site),
        model=model,
        grace=site.grace,
    )


def log_path(data: Path, part: str) -> Path:
    """The log of one part."""
    return data / "logs" / f"{part}.log"


def put_aside(log: Path) -> None:
    """Start a log anew once it is large; one older part is kept."""
    if log.exists() and log.stat().st_size > _LOG_SIZE:
        log.replace(log.with_suffix(".log.1"))


def _servers(
    env: Mapping[str, str], data: Path, local: LocalSettings, ports: _Ports
) -> tuple[list[Part], dict[str, str]]:
    """The servers to run, and the variables by which services reach them."""
    parts: list[Part] = []
    reach: dict[str, str] = {}
    # All that are set first, so that none is given to a listener that no setting names.
    chosen = {
        name: ports.choose(f"ECHOBASE_{name}_PORT", wanted)
        for name, wanted in (("NATS", local.nats_port), ("STORE", local.store_port))
        if not env.get(f"ECHOBASE_{name}_URL")
    }
    if port := chosen.get("NATS"):
        nats = new_nats(data, port, ports.inner)
        parts.append(
            Part(
                "nats-server",
                nats.process(log_path(data, "nats-server")),
                nats.ready,
                nats.settings.nats_url,
                is_server=True,
                recipe=nats,
            )
        )
        reach |= _variables(nats.settings)
    if port := chosen.get("STORE"):
        store = new_s3(data, port, ports.inner)
        parts.append(
            Part(
                "store",
                store.process(log_path(data, "store")),
                store.ready,
                store.settings.store_url,
                is_server=True,
                recipe=store,
            )
        )
        reach |= _variables(store.settings)
    return parts, reach


def _login(servers: Iterable[Part], service: UserName) -> dict[str, str]:
    """The variables by which a service logs in to the stack's own NATS, as its own user."""
    own = [part.recipe for part in servers if isinstance(part.recipe, NatsServer)]
    return _variables(own[0].settings_of(service)) if own else {}


def _variables(kind: NatsSettings | StoreSettings) -> dict[str, str]:
    """The variables of what differs from the default."""
    plain = type(kind)()
    return {
        variable.names[0]: str(value)
        for variable in settings.variables(type(kind))
        if (value := getattr(kind, variable.field)) != getattr(plain, variable.field)
        or variable.field.endswith("_url")
    }


def _service(name: str, port: int, site: SiteSettings, process: Process) -> Part:
    host = LOOPBACK if site.bind in ("", "localhost", "0.0.0.0", "::") else site.bind  # noqa: S104 - compared, not bound
    base = "" if name == "transcriber" else site.base_path
    shown = f"[{host}]" if ":" in host else host
    return Part(
        name,
        process,
        lambda: answers(port, f"{base}/health/ready", host),
        f"http://{shown}:{port}{base}",
        is_server=False,
    )


def _public(
    env: Mapping[str, str],
    kind: type[StreamSettings] | type[IngestSettings],
    field: str,
    port: int,
    site: SiteSettings,
) -> str:
    configured = str(getattr(settings.load(kind, env), field))
    return settings.public_url(configured, site.bind, port, site.base_path)
