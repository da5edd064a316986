"""What `echobase doctor` looks at; each check is independent of the others."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from deploy.local.ports import LOOPBACK, is_free
from deploy.local.servers import StartFailed, executable
from shared import settings
from shared.errors import EchoBaseError
from shared.settings import (
    IngestSettings,
    LocalSettings,
    Settings,
    SiteSettings,
    StreamSettings,
    TranscriberSettings,
)
from shared.stack import Addresses, Stack, addresses, running_stack

_ROOM = 2 * 1024**3
"""Bytes below which the disk counts as nearly full."""
_SKEW = 5.0
"""Seconds by which a service's clock may differ from ours."""
_NOT_RUNNING = "start the stack with `make up`"
_ANOTHER = "another program, or another version, has the port: stop it, or set another port"
_MODELS = "set WHISPER_MODEL_NAME to demo, to a model's folder, or to a name such as medium.en"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    part: str
    state: Literal["ok", "note", "wrong"]
    detail: str
    advice: str = ""
    """What to do, if anything."""


class _Health(msgspec.Struct):
    status: str
    detail: str = ""
    service: str = ""
    checks: dict[str, "_Health"] = {}


@dataclass(frozen=True)
class _Scene:
    """What the checks look at."""

    env: Mapping[str, str]
    site: SiteSettings
    stack: Stack | None
    where: Addresses
    http: httpx.AsyncClient


Check = Callable[[_Scene], Awaitable[list[Finding]]]


async def examine(env: Mapping[str, str]) -> list[Finding]:
    """Run every check; settings that are not allowed are a finding too."""
    bad = [finding for kind in settings.ALL for finding in _check_settings(kind, env)]
    if bad:
        return bad
    site = settings.load(SiteSettings, env)
    where = addresses(env)
    headers = {"X-API-Key": where.key} if where.key else {}
    async with httpx.AsyncClient(headers=headers, timeout=5, trust_env=False) as http:
        scene = _Scene(env, site, running_stack(site.data), where, http)
        results = await asyncio.gather(*(check(scene) for check in _CHECKS))
    ignored = [Finding("settings", "note", line) for line in settings.warnings(env)]
    return [*ignored, *(finding for found in results for finding in found)]


def _check_settings(kind: type[Settings], env: Mapping[str, str]) -> list[Finding]:
    try:
        settings.load(kind, env)
    except EchoBaseError as error:
        return [Finding("settings", "wrong", str(error), "correct the variable, or unset it")]
    return []


async def _python(_scene: _Scene) -> list[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < (3, 11):  # noqa: UP036 - what doctor is for
        return [Finding("python", "wrong", version, "install Python 3.11 or newer")]
    return [Finding("python", "ok", version)]


async def _programs(_scene: _Scene) -> list[Finding]:
    return [_program(name) for name in ("nats-server", "weed")]


def _program(name: str) -> Finding:
    try:
        return Finding(name, "ok", str(executable(name)))
    except StartFailed as error:
        return Finding(name, "wrong", str(error), "run `make install`")


async def _data(scene: _Scene) -> list[Finding]:
    folder = scene.site.data.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return [
            Finding("data", "wrong", f"{existing} cannot be written", "set ECHOBASE_DATA elsewhere")
        ]
    free = shutil.disk_usage(existing).free
    ingest = settings.load(IngestSettings, scene.env)
    room = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < ingest.spool_min_free_bytes:
        return [Finding("data", "wrong", room, "make room: uploads are refused")]
    if free < _ROOM:
        return [Finding("data", "note", room, "make room soon")]
    return [Finding("data", "ok", room)]


async def _ports(scene: _Scene) -> list[Finding]:
    if scene.stack is not None:
        return [Finding("ports", "ok", "in use by the running stack")]
    services = {
        "stream": settings.load(StreamSettings, scene.env).stream_port,
        "ingest": settings.load(IngestSettings, scene.env).ingest_port,
        "transcriber": settings.load(TranscriberSettings, scene.env).transcriber_port,
    }
    local = settings.load(LocalSettings, scene.env)
    servers = {"nats": local.nats_port, "store": local.store_port}
    ours = await asyncio.gather(*(_is_ours(scene, *each) for each in services.items()))
    if any(ours):
        # Their servers are looked at through them.
        servers = {}
    known = {port for port, found in zip(services.values(), ours, strict=True) if found}
    wanted = services | servers
    taken = [
        _taken(f"ECHOBASE_{name.upper()}_PORT", port)
        for name, port in wanted.items()
        if port not in known and not is_free(port)
    ]
    in_use = ", ".join(map(str, sorted(known)))
    shown = (
        f"in use by EchoBase: {in_use}"
        if known
        else f"free: {', '.join(map(str, wanted.values()))}"
    )
    return taken or [Finding("ports", "ok", shown)]


def _taken(name: str, port: int) -> Finding:
    return Finding("ports", "wrong", f"{name}={port} is taken", f"free the port, or set {name}")


async def _is_ours(scene: _Scene, service: str, port: int) -> bool:
    """Whether what listens on a port here says that it is this service of EchoBase's."""
    base = "" if service == "transcriber" else scene.site.base_path
    try:
        found = await scene.http.get(f"http://{LOOPBACK}:{port}{base}/health/live")
    except httpx.HTTPError:
        return False
    return _read_health(found).service == service


async def _model(scene: _Scene) -> list[Finding]:
    return [_find_model(settings.load(TranscriberSettings, scene.env))]


def _find_model(transcriber: TranscriberSettings) -> Finding:
    name = transcriber.whisper_model_name
    folder = Path(name).expanduser()
    if name == "demo":
        return Finding("model", "note", "demo: a small radio vocabulary only", _MODELS)
    if name.startswith((".", "/", "~")) and not (folder / "model.bin").is_file():
        return Finding("model", "wrong", f"{folder} holds no model.bin", _MODELS)
    if folder.is_dir() or (transcriber.model_folder / name).is_dir():
        return Finding("model", "ok", name)
    if transcriber.offline and not transcriber.model_folder.is_dir():
        detail = f"{name} is not here, and ECHOBASE_OFFLINE is set"
        return Finding("model", "wrong", detail, _MODELS)
    detail = f"{name}: kept in {transcriber.model_folder} once it has been fetched"
    return Finding("model", "ok", detail)


async def _services(scene: _Scene) -> list[Finding]:
    if scene.stack is not None:
        health = scene.stack.health
    else:
        health = {"stream": scene.where.stream, "ingest": scene.where.ingest}
    return [
        finding
        for found in await asyncio.gather(
            *(_service(scene, name, url) for name, url in health.items())
        )
        for finding in found
    ]


async def _service(scene: _Scene, name: str, url: str) -> list[Finding]:
    log = f"see {scene.site.data / 'logs' / name}.log"
    try:
        response = await scene.http.get(f"{url}/health/ready")
    except httpx.HTTPError as error:
        advice = log if scene.stack else _NOT_RUNNING
        detail = f"{url} does not answer ({type(error).__name__})"
        return [Finding(name, "wrong", detail, advice)]
    health = _read_health(response)
    if health.service != name:
        return [Finding(name, "wrong", f"what answers at {url} is no {name}", _ANOTHER)]
    findings = [_verdict(name, health, url, log)]
    findings += [
        _verdict(f"{name}: {each}", found, "", log) for each, found in health.checks.items()
    ]
    return [*findings, *_clock(name, response)]


def _read_health(response: httpx.Response) -> _Health:
    """What a service says of itself; nobody's words if it is none of ours."""
    try:
        return msgspec.json.decode(response.content, type=_Health)
    except msgspec.DecodeError:
        return _Health("none")


def _verdict(part: str, health: _Health, detail: str, advice: str) -> Finding:
    words = health.detail or detail or health.status
    match health.status:
        case "ok":
            return Finding(part, "ok", words)
        case "degraded":
            return Finding(part, "note", words, advice)
        case _:
            return Finding(part, "wrong", words, advice)


def _clock(name: str, response: httpx.Response) -> list[Finding]:
    if "date" not in response.headers:
        return []
    skew = parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()
    if abs(skew) < _SKEW:
        return []
    detail = f"differs from ours by {skew:.0f} s"
    return [Finding(f"{name}: clock", "wrong", detail, "synchronise the clocks")]


class _Status(msgspec.Struct):
    bus: str
    lanes: dict[str, int] | None = None
    workers: list[dict[str, str]] = []


async def _work(scene: _Scene) -> list[Finding]:
    """Whether anybody transcribes, and how much waits."""
    try:
        response = await scene.http.get(f"{scene.where.stream}/v1/status")
        response.raise_for_status()
        status = msgspec.json.decode(response.content, type=_Status)
    except httpx.HTTPStatusError as error:
        advice = "set ECHOBASE_API_KEY" if error.response.status_code == 401 else ""
        return [Finding("status", "wrong", f"answers {error.response.status_code}", advice)]
    except (httpx.TransportError, msgspec.DecodeError):
        return []  # reported by the service's health
    if status.bus != "connected":
        return [Finding("nats", "wrong", "stream cannot reach it", "see ECHOBASE_NATS_URL")]
    waiting = ", ".join(f"{lane} {count}" for lane, count in (status.lanes or {}).items())
    models = ", ".join(sorted({worker.get("model", "?") for worker in status.workers}))
    workers = Finding("workers", "ok", f"{len(status.workers)} with {models}")
    if not status.workers:
        workers = replace(
            workers, state="wrong", detail="no transcriber is alive", advice=_NOT_RUNNING
        )
    return [Finding("nats", "ok", "connected"), workers, Finding("lanes", "ok", f"jobs: {waiting}")]


async def _spool(scene: _Scene) -> list[Finding]:
    folder = scene.site.data / "spool"
    if not folder.is_dir():
        return [Finding("spool", "ok", "empty")]
    size = await asyncio.to_thread(
        lambda: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    )
    most = settings.load(IngestSettings, scene.env).spool_max_bytes
    detail = f"{size / 1024**2:.1f} MiB of {most / 1024**2:.0f}"
    if size > most * 0.8:
        return [Finding("spool", "wrong", detail, "is the store away? nothing leaves the spool")]
    return [Finding("spool", "ok", detail)]


_CHECKS: tuple[Check, ...] = (_python, _programs, _data, _ports, _model, _services, _work, _spool)
