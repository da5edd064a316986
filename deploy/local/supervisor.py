"""Runs the parts of a local stack: all at once, again when one dies, none when it ends.

Every service waits for what it needs, so nothing is started in turn; what must be in order is the
end: services first, then the servers that they stand on.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deploy.local.layout import Layout, Part, put_aside
from deploy.local.watchdog import Watchdog
from shared.errors import EchoBaseError, SettingError
from shared.retry import RetryPolicy
from shared.stack import Stack, write_stack

_POLL = 0.05
_BACKOFF = RetryPolicy(first=0.1, longest=10.0)
_SETTLED = 10.0
"""Seconds after which a part that ran has its earlier ends forgiven."""
_HOPELESS = 3
"""Ends in a row, before it was ever ready, after which a part is given up."""
_SERVER_GRACE = 10.0
_BAD_SETTING = 2
"""Exit code by which a service says that a setting is not allowed."""

Tell = Callable[[str], None]


class PartFailed(EchoBaseError):
    """A part of the stack cannot be brought up."""

    code = "part-failed"

    def __init__(self, message: str, log: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.log = tuple(log)
        """The end of its log."""


@dataclass(frozen=True)
class Restart:
    """Start it again after so many seconds."""

    wait: float


@dataclass(frozen=True)
class GiveUp:
    """End the stack: starting it again cannot help."""


def after_end(exit_code: int, *, was_ready: bool, explained: bool, ends: int) -> Restart | GiveUp:
    """What to do with a part that ended by itself.

    `exit_code` is negative if a signal ended it, `was_ready` tells whether it ever was, `explained`
    whether it said in its own words why it cannot run, `ends` counts its ends in a row from 1.
    """
    if not was_ready and exit_code >= 0 and (explained or ends >= _HOPELESS):
        return GiveUp()
    return Restart(_BACKOFF.wait(ends))


class Supervisor:
    """The parts of one stack."""

    def __init__(self, layout: Layout, tell: Tell) -> None:
        """`tell` is given a line for each thing that a person should know."""
        self._layout = layout
        self._tell = tell
        self._ready = {part.name: asyncio.Event() for part in layout.parts}
        self._hurry = asyncio.Event()
        self._watchdog: Watchdog | None = None

    async def ready(self, *names: str) -> None:
        """Wait until parts, or all of them, have been ready once."""
        wanted = names or tuple(self._ready)
        await asyncio.gather(*(self._ready[name].wait() for name in wanted))

    def is_ready(self, name: str) -> bool:
        """Whether a part has been ready once."""
        return self._ready[name].is_set()

    def hurry(self) -> None:
        """End everything at once."""
        self._hurry.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Run the parts until `stopping` is set, then end them.

        Raises PartFailed or SettingError, with everything ended.
        """
        if sys.platform != "linux":
            self._watchdog = Watchdog()
        for part in self._layout.parts:
            put_aside(part.process.log)
        keepers = [asyncio.create_task(self._keep(part)) for part in self._layout.parts]
        order = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([order, *keepers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (order, *keepers):
                task.cancel()
            results = await asyncio.gather(*keepers, return_exceptions=True)
            await self._end()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _keep(self, part: Part) -> None:
        ends = 0
        while True:
            began = time.monotonic()
            self._start(part)
            await self._watch(part)
            ends = 1 if time.monotonic() - began > _SETTLED else ends + 1
            code = part.process.exit_code or 0
            log = part.process.last_lines()
            was_ready = self.is_ready(part.name)
            explained = is_explained(part.name, log)
            match after_end(code, was_ready=was_ready, explained=explained, ends=ends):
                case GiveUp():
                    raise failure(part.name, code, log)
                case Restart(wait):
                    self._tell(f"{part.name} ended ({_how(code)}): starting it again")
                    await asyncio.sleep(wait)

    def _start(self, part: Part) -> None:
        part.process.start()
        if self._watchdog and part.process.pid:
            self._watchdog.watch(part.process.pid)
        self._describe()

    async def _watch(self, part: Part) -> None:
        """Return when it has ended."""
        ready = False
        while part.process.alive:
            if not ready and (ready := await asyncio.to_thread(part.ready)):
                self._ready[part.name].set()
                self._tell(f"{part.name} is ready at {part.address}")
            await asyncio.sleep(_POLL)
        if self._watchdog and part.process.pid:
            self._watchdog.forget(part.process.pid)

    def _describe(self) -> None:
        write_stack(
            self._layout.data,
            Stack(
                supervisor=os.getpid(),
                stream=self._layout.stream,
                ingest=self._layout.ingest,
                health=self._layout.health,
                pids={p.name: p.process.pid for p in self._layout.parts if p.process.pid},
                nats=self._layout.nats,
                store=self._layout.store,
            ),
        )

    async def _end(self) -> None:
        servers = [part for part in self._layout.parts if part.is_server]
        services = [part for part in self._layout.parts if not part.is_server]
        await self._end_parts(services, self._layout.grace + 2)
        await self._end_parts(servers, _SERVER_GRACE)
        if self._watchdog:
            await asyncio.to_thread(self._watchdog.close)

    async def _end_parts(self, parts: list[Part], grace: float) -> None:
        for part in parts:
            part.process.terminate()
        deadline = time.monotonic() + grace
        while any(part.process.alive for part in parts):
            if self._hurry.is_set() or time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL)
        for part in parts:
            part.process.kill()


def is_explained(name: str, log: list[str]) -> bool:
    """Whether a log ends with the line by which a service says why it cannot run."""
    return bool(log) and log[-1].startswith(f"{name}: ")


def failure(name: str, exit_code: int, log: list[str]) -> PartFailed | SettingError:
    """Why a part was given up: in the words that a service ends with, or else by its log."""
    if is_explained(name, log):
        return SettingError(log[-1]) if exit_code == _BAD_SETTING else PartFailed(log[-1])
    return PartFailed(f"{name} cannot start: {_how(exit_code)}", log)


def _how(exit_code: int) -> str:
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
