"""The three images as three containers, beside the local stack's servers: one recording, words."""

import secrets
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from deploy.images.command import ImagesError
from deploy.images.container import Container
from deploy.images.recipes import RECIPES, Recipe
from deploy.images.storage import Storage
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Process
from deploy.local.samples import samples
from deploy.local.servers import LocalServer, answers, new_nats, new_s3, wait_until

MODEL = "site-model"
"""The name by which the bundled model goes through the store into the transcriber's volume."""
_START, _WORDS, _END = 90.0, 120.0, 40.0
"""Seconds: until a service is ready, until the words are there, until a service has ended."""
_SERVICES: tuple[str, ...] = ("ingest", "transcriber", "stream")
_SAMPLE = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


@dataclass(frozen=True)
class Outcome:
    """What a trial measured."""

    text: str
    """The words that came."""
    starts: Mapping[str, float]
    """Seconds until each service was ready, with no bytecode kept."""


def volumes(service: str) -> set[str]:
    """Where a service's container may write, besides /tmp."""
    return {"/data"} | ({"/models"} if service == "transcriber" else set())


def transcribe(storage: Storage, work: Path) -> Outcome:
    """Start the servers and the containers, send a recording, wait for its words, end politely.

    Raises ImagesError, or the servers' StartFailed.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with _servers(work) as reach, ExitStack() as stack:
        ports = dict(zip(_SERVICES, free_ports(len(_SERVICES)), strict=True))
        env = _environment(reach, ports)
        containers = {
            recipe.service: stack.enter_context(_container(storage, recipe, work))
            for recipe in RECIPES
            if recipe.target == "runtime"
        }
        _bring_model(containers["transcriber"], env)
        starts: dict[str, float] = {}
        running: dict[str, Process] = {}
        for name, container in containers.items():
            running[name] = process = container.service(env, work / "logs" / f"{name}.log")
            stack.callback(process.kill)
            began = time.monotonic()
            process.start()
            wait_until(_ready(ports[name]), process, _START)
            starts[name] = time.monotonic() - began
        text = _words(ports, env["ECHOBASE_API_KEY"], running)
        _end(running)
    if text != _SAMPLE.text:
        raise ImagesError(f"the containers heard {text!r}, not {_SAMPLE.text!r}")
    return Outcome(text, starts)


@contextmanager
def _servers(work: Path) -> Generator[Mapping[str, str]]:
    nats, s3 = new_nats(work), new_s3(work)
    servers = [
        LocalServer(nats, work / "logs/nats-server.log"),
        LocalServer(s3, work / "logs/store.log"),
    ]
    try:
        for server in servers:
            server.start()
        yield {
            "ECHOBASE_NATS_URL": nats.settings.nats_url,
            "ECHOBASE_NATS_USER": nats.settings.nats_user,
            "ECHOBASE_NATS_PASSWORD": nats.settings.nats_password,
            "ECHOBASE_STORE_URL": s3.settings.store_url,
            "ECHOBASE_STORE_ACCESS_KEY": s3.settings.store_access_key,
            "ECHOBASE_STORE_SECRET_KEY": s3.settings.store_secret_key,
        }
    finally:
        for server in servers:
            server.process.stop()


def _environment(reach: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    return {
        **reach,
        **{f"ECHOBASE_{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "ECHOBASE_API_KEY": secrets.token_urlsafe(24),
        "WHISPER_MODEL_NAME": MODEL,
        "ECHOBASE_OFFLINE": "true",
    }


def _container(storage: Storage, recipe: Recipe, work: Path) -> Container:
    folders = {place: work / f"{recipe.service}{place}" for place in volumes(recipe.service)}
    return Container(storage, recipe.tagged, folders)


def _bring_model(transcriber: Container, env: Mapping[str, str]) -> None:
    """What a site does: a machine puts the model into the store, each node's init step fetches."""
    transcriber.run("echobase", "model", "push", "demo", "--as", MODEL, env=env)
    transcriber.run("echobase", "model", "fetch", env=env)


def _ready(port: int) -> Callable[[], bool]:
    return lambda: answers(port, "/health/ready")


def _words(ports: Mapping[str, int], key: str, running: Mapping[str, Process]) -> str:
    with httpx.Client(headers={"x-api-key": key}, timeout=30) as client:
        accepted = client.post(
            f"http://{LOOPBACK}:{ports['ingest']}/v1/recordings",
            params={"source": _SAMPLE.source, "channel": _SAMPLE.channel},
            content=_SAMPLE.path.read_bytes(),
        )
        recording = accepted.raise_for_status().json()["id"]
        address = f"http://{LOOPBACK}:{ports['stream']}/v1/recordings/{recording}/transcript.txt"
        deadline = time.monotonic() + _WORDS
        while (answer := client.get(address)).status_code != HTTPStatus.OK:
            _still_good(answer, running, deadline)
            time.sleep(0.1)
        return answer.text.strip()


def _still_good(answer: httpx.Response, running: Mapping[str, Process], deadline: float) -> None:
    for name, process in running.items():
        if not process.alive:
            raise ImagesError("\n".join([f"{name} ended:", *process.last_lines()]))
    waits = answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
    if not waits or time.monotonic() > deadline:
        raise ImagesError(f"no words came: {answer.status_code} {answer.text[:300]}")


def _end(running: Mapping[str, Process]) -> None:
    """Ask all to end, as a kubelet does. Raises ImagesError for one that is not polite."""
    for process in running.values():
        process.terminate()
    for name, process in running.items():
        if not process.wait(_END) or process.exit_code != 0:
            raise ImagesError(f"{name} did not end politely: {process.exit_code}")
