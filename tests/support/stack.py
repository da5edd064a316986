"""The local stack as a person runs it: `echobase up`, in a folder and on ports of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from deploy.local.folder import credentials
from deploy.local.ports import free_ports
from shared.client import Accepted, Client, Gap
from shared.messages import Completed, Event, Failed, Segment
from shared.outcome import Outcome, follow_to_end
from shared.settings import StoreSettings
from shared.stack import Addresses, Stack, read_stack

ECHOBASE = str(Path(sys.executable).with_name("echobase"))
PATIENCE = 120.0
"""Seconds after which whatever is waited for counts as lost."""
_PORTS = ("STREAM", "INGEST", "TRANSCRIBER", "NATS", "STORE")


class RunningStack:
    """One data folder's stack, which can be started, stopped and killed."""

    options: Sequence[str] = ()
    """What `echobase up` is told."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.output = folder / "up.log"
        self.ports: dict[str, int] = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self.env = {
            **os.environ,
            **{f"ECHOBASE_{name}_PORT": str(port) for name, port in self.ports.items()},
            "ECHOBASE_DATA": str(self.data),
            "WHISPER_MODEL_NAME": "demo",
            **more,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until every part is ready."""
        self.spawn()
        self.wait(lambda: "Page:" in self.output.read_text(), "the stack's addresses")

    def spawn(self) -> None:
        """Start it, and wait for nothing."""
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [ECHOBASE, "up", *self.options],
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def supervisor(self) -> subprocess.Popen[bytes]:
        """Its supervisor's process."""
        assert self._process is not None
        return self._process

    @property
    def description(self) -> Stack:
        """What it wrote of itself."""
        found = read_stack(self.data)
        assert found is not None
        return found

    @property
    def addresses(self) -> Addresses:
        """Where its services are."""
        return Addresses(
            stream=f"http://127.0.0.1:{self.ports['STREAM']}",
            ingest=f"http://127.0.0.1:{self.ports['INGEST']}",
        )

    @property
    def store(self) -> StoreSettings:
        """How to reach its store."""
        login = credentials(self.data)
        return StoreSettings(
            store_url=f"http://127.0.0.1:{self.ports['STORE']}",
            store_access_key=login.store_access_key,
            store_secret_key=login.store_secret_key,
        )

    @property
    def logins(self) -> dict[str, str]:
        """The variables by which another stack may use its servers."""
        login = credentials(self.data)
        return {
            "ECHOBASE_NATS_USER": login.nats_user,
            "ECHOBASE_NATS_PASSWORD": login.nats_password,
            "ECHOBASE_STORE_ACCESS_KEY": login.store_access_key,
            "ECHOBASE_STORE_SECRET_KEY": login.store_secret_key,
        }

    def answers(self, part: str) -> bool:
        """Whether something listens where the part does."""
        name = "NATS" if part == "nats-server" else part.upper()
        try:
            with socket.create_connection(("127.0.0.1", self.ports[name])):
                return True
        except ConnectionRefusedError:
            return False

    def kill(self, part: str) -> None:
        """End one part as kill -9 does."""
        os.kill(self.description.pids[part], signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, and wait for its exit code."""
        if self.supervisor.poll() is None:
            self.supervisor.terminate()
        return self.supervisor.wait(PATIENCE)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run an `echobase` command beside it."""
        return command(*arguments, env={**self.env, **more}, folder=self.folder)

    def wait(self, found: Callable[[], bool], what: str) -> None:
        """Poll until something is there; the stack must not end meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while not found():
            assert self.supervisor.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, f"no {what}: {self.output.read_text()}"
            time.sleep(0.05)


def command(
    *arguments: str, env: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run an `echobase` command to its end, without a terminal."""
    return subprocess.run(
        [ECHOBASE, *arguments],
        env=dict(env),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


async def events_of(client: Client, accepted: Accepted) -> list[Event]:
    """A recording's events over SSE, from its first to its last. A gap fails the test."""
    async with asyncio.timeout(PATIENCE):
        return [event async for event in followed(client, accepted)]


async def followed(client: Client, accepted: Accepted) -> AsyncGenerator[Event]:
    """A recording's events over SSE, from its first to its last. A gap fails the test."""
    async with aclosing(follow_to_end(client, Outcome([accepted]))) as events:
        async for event in events:
            assert not isinstance(event, Gap), event
            yield event


def words(events: list[Event]) -> str:
    """What the segments say. A failed recording, or a segment that is missing, fails the test."""
    segments = [event for event in events if isinstance(event, Segment)]
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert not any(isinstance(event, Failed) for event in events), events[-1]
    assert isinstance(events[-1], Completed)
    assert events[-1].segments == len(segments)
    return " ".join(segment.text for segment in segments)
