"""The processes: two servers, four services, all on loopback and under the schedule's hand."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from deploy.local.layout import log_path
from deploy.local.ports import free_ports
from deploy.local.process import Process
from deploy.local.servers import NatsServer, S3Server, answers, new_nats, new_s3
from shared.settings import NatsSettings, StoreSettings, TranscriberSettings
from tests.chaos import bounds
from tests.chaos.faulty import SHADOW, Fault
from tests.chaos.powercut import Shadow
from tests.support.repository import ROOT
from tests.support.stream import environment_of

SERVERS = ("nats-server", "store")
TRANSCRIBERS = ("transcriber-a", "transcriber-b")
SERVICES = ("ingest", "stream", *TRANSCRIBERS)
ACK_WAIT = 3.0
"""Seconds; short, so that a killed worker's job is another's soon."""
SPOOL_BYTES = 8 * 1024**2
SPOOL_KEEP = 3.0
GRACE = 15.0
"""Seconds that a service may take to end."""
PATIENCE = 60.0
"""Seconds after which a process that is not ready has failed the run."""
MODEL = TranscriberSettings(whisper_model_name="demo", whisper_device="cpu", threads=1)
_POLL = 0.02


class NotReady(Exception):
    """A process did not come up; holds the end of its log."""


@dataclass
class Part:
    """One process, which is killed and started again."""

    name: str
    process: Process
    ready: Callable[[], bool]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever disturbs it."""


class Stack:
    """All of them, in one folder."""

    def __init__(self, folder: Path, faults: Sequence[Fault] = (), **more: str) -> None:
        """Nothing runs yet. `faults`: planted in the services that they concern; `more`: variables
        of theirs."""
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.folder = folder / "calls"
        """For what is watched."""
        self._faults = ",".join(faults) or "none"
        self._more = more
        self._shadow = folder / "shadow"
        self.nats: NatsServer = new_nats(self.data)
        self.store: S3Server = new_s3(self.data)
        self.ports = dict(zip(SERVICES, _other_ports(self.nats, self.store), strict=True))
        self.nats_settings: NatsSettings = msgspec.structs.replace(
            self.nats.settings, ack_wait=ACK_WAIT
        )
        self.store_settings: StoreSettings = self.store.settings
        self._parts = {part.name: part for part in (*self._servers(), *self._services())}

    @property
    def ingest_url(self) -> str:
        """Where recordings are sent."""
        return f"http://127.0.0.1:{self.ports['ingest']}"

    @property
    def stream_url(self) -> str:
        """Where events are followed."""
        return f"http://127.0.0.1:{self.ports['stream']}"

    @property
    def monitor_port(self) -> int:
        """Where nats-server tells of itself."""
        return self.nats.monitor_port

    @property
    def spool(self) -> Path:
        """Ingest's spool."""
        return self.data / "spool"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return log_path(self.data, name)

    def process(self, name: str) -> Process:
        """One process, to be signalled or waited for."""
        return self._parts[name].process

    def turn(self, name: str) -> asyncio.Lock:
        """Held while one process is disturbed: not twice at a time."""
        return self._parts[name].turn

    async def start(self, *names: str) -> None:
        """Start processes, and wait until they are ready. Raises NotReady."""
        # From this thread: a process dies with the thread that started it.
        for name in names:
            self._parts[name].process.start()
        await asyncio.gather(*(self._until_ready(self._parts[name]) for name in names))

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self._parts[name].process.kill()

    def freeze(self, name: str) -> None:
        """Stop a process in the middle of whatever it does."""
        self._parts[name].process.signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._parts[name].process.signal(signal.SIGCONT)

    def cut_power(self) -> None:
        """What ingest, which must not run, has not synced of its spool is lost."""
        Shadow(self.spool, self._shadow).cut()

    def end(self) -> None:
        """Kill everything."""
        for part in self._parts.values():
            part.process.kill()

    def unexpected_ends(self) -> list[str]:
        """Processes that do not run."""
        return [name for name, part in self._parts.items() if not part.process.alive]

    async def _until_ready(self, part: Part) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(part.ready):
            if not part.process.alive or time.monotonic() > deadline:
                how = "is not ready" if part.process.alive else f"ended: {part.process.exit_code}"
                raise NotReady("\n".join((f"{part.name} {how}", *part.process.last_lines())))
            await asyncio.sleep(_POLL)

    def _servers(self) -> list[Part]:
        return [
            Part(name, recipe.process(self.log(name)), recipe.ready)
            for name, recipe in zip(SERVERS, (self.nats, self.store), strict=True)
        ]

    def _services(self) -> list[Part]:
        env = self._environment()
        return [_service(name, port, env, self) for name, port in self.ports.items()]

    def command(self, name: str) -> list[str]:
        """How a service is run."""
        module = f"services.{name.partition('-')[0]}"
        return [sys.executable, "-m", "tests.chaos.faulty", self._faults, module]

    def _environment(self) -> Mapping[str, str]:
        settings = environment_of(self.nats_settings, self.store_settings, MODEL)
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("ECHOBASE_")},
            **settings,
            "PYTHONPATH": str(ROOT),
            SHADOW: str(self._shadow),
            "ECHOBASE_DATA": str(self.data),
            "ECHOBASE_INGEST_PORT": str(self.ports["ingest"]),
            "ECHOBASE_STREAM_PORT": str(self.ports["stream"]),
            "ECHOBASE_SPOOL_MAX_BYTES": str(SPOOL_BYTES),
            "ECHOBASE_SPOOL_MIN_FREE_BYTES": "0",
            "ECHOBASE_SPOOL_KEEP": str(SPOOL_KEEP),
            "ECHOBASE_GRACE": str(GRACE),
            "ECHOBASE_HEARTBEAT": "2",
            "ECHOBASE_RETRY_FIRST": "0.2",
            "ECHOBASE_RETRY_LONGEST": "2",
            **self._more,
        }


def _service(name: str, port: int, env: Mapping[str, str], stack: Stack) -> Part:
    own = {}
    if name in TRANSCRIBERS:
        own = {"ECHOBASE_TRANSCRIBER_PORT": str(port), "ECHOBASE_LOG_LEVEL": "debug"}
        own |= bounds.SETTINGS
    # Not in the repository's root, where a developer's `.env` may lie.
    process = Process(stack.command(name), log=stack.log(name), env={**env, **own}, cwd=stack.data)
    return Part(name, process, lambda: answers(port, "/health/ready"))


def _other_ports(nats: NatsServer, store: S3Server) -> list[int]:
    taken = {nats.port, nats.monitor_port, store.port, *store.inner_ports}
    return [port for port in free_ports(len(SERVICES) + len(taken)) if port not in taken][
        : len(SERVICES)
    ]
