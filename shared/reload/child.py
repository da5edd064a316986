"""A process of the service, as its reloader sees it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.reload.link import Imported, Order, Said, decode_said, encode

_LONGEST_LINE = 1024**2
"""Bytes; a list of files is long."""


@dataclass(frozen=True)
class Told:
    """A process has said something."""

    child: "Child"
    said: Said


@dataclass(frozen=True)
class Ended:
    """A process is gone, and has nothing left to say."""

    child: "Child"
    code: int
    """Its exit code; minus the signal if one ended it."""


class Child:
    """One process; what happens to it is told to whoever started it."""

    def __init__(self, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self._process = process
        self._link = link
        self._watching: asyncio.Task[None] | None = None
        self.imported = False
        """Whether its code is imported."""
        self.ready = False
        """Whether it has said that it is up."""
        self.ending = False
        """Whether it was asked to end."""

    @classmethod
    async def start(
        cls, module: str, env: Mapping[str, str], tell: Callable[[Told | Ended], None]
    ) -> "Child":
        """Start a process that imports a module, and runs it, when it is told to."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "shared.reload.runner", module, str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                env=dict(env),
                pass_fds=[theirs.fileno()],
                # Ctrl-C on a terminal reaches the reloader alone, which then ends it politely.
                process_group=0,
            )
        child = cls(process, ours)
        child._watching = asyncio.create_task(child._watch(tell))
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def order(self, *orders: Order) -> None:
        """Have it do something, and then the next."""
        with contextlib.suppress(OSError):  # it is gone, which is told
            self._link.sendall(b"".join(map(encode, orders)))

    def terminate(self) -> None:
        """Ask it to end; the second time it does so at once."""
        self.ending = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.ending = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _watch(self, tell: Callable[[Told | Ended], None]) -> None:
        reader, writer = await asyncio.open_connection(sock=self._link, limit=_LONGEST_LINE)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                said = decode_said(line)
                self.imported |= isinstance(said, Imported)
                tell(Told(self, said))
        code = await self._process.wait()
        writer.close()
        tell(Ended(self, code))
