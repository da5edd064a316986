"""The reloader: one service's processes, the one that runs and the one that is to follow it.

saved ──▶ the next one imports the code, while the other one runs on
imported ──▶ the other one is asked to end, and finishes what it has in hand
ended ──▶ the next one runs
ready ──▶ a spare imports the libraries, so that the next save need not wait for them
"""

import asyncio
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from shared.reload.changes import Saved, saves
from shared.reload.child import Child, Ended, Told
from shared.reload.link import KEPT, Failed, Go, Imported, Load, Prepare, Ready, Said
from shared.reload.runner import ROOT

PREFIX = "reload: "
"""How each line that the reloader writes begins."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Stop:
    """The order to end."""


Event = Saved | Told | Ended | _Stop


class Reloader:
    """Runs one service, again after each save."""

    def __init__(self, package: str) -> None:
        """`package`: such as `services.stream`."""
        self._name = package.rpartition(".")[2]
        self._package = package
        self._module = _module(package, "dev") or f"{package}.__main__"
        self._kept_module = _module(package, "kept")
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._running: Child | None = None
        self._next: Child | None = None
        self._spare: Child | None = None
        self._kept: Child | None = None
        self._kept_files: list[str] = []
        self._kept_is_old = False
        self._saved: Saved | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Run it until told to end, or until it ends by itself; its exit code."""
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._events.put_nowait, _Stop())
        watching = asyncio.create_task(self._watch())
        watching.add_done_callback(self._stop_if_blind)
        with tempfile.TemporaryDirectory(prefix="reload-") as folder:
            self._env = {**os.environ, KEPT: str(Path(folder) / "kept")}
            try:
                await self._start_kept()
                await self._load()
                while (code := await self._handle(await self._events.get())) is None:
                    pass
                return code
            finally:
                self._stopping.set()
                for child in (self._next, self._running, self._spare, self._kept):
                    if child is not None:
                        child.kill()
                await watching

    async def _watch(self) -> None:
        folders = [ROOT / "shared", ROOT.joinpath(*self._package.split("."))]
        async for saved in saves(folders, self._stopping):
            self._events.put_nowait(saved)

    def _stop_if_blind(self, watching: asyncio.Task[None]) -> None:
        # Such as a system that has no watches left: its error is raised at the end.
        if not watching.cancelled() and watching.exception():
            self._events.put_nowait(_Stop())

    async def _handle(self, event: Event) -> int | None:
        """Do what follows; the exit code, if it is time to end."""
        match event:
            case Saved():
                await self._follow(event)
            case Told(child, said):
                await self._hear(child, said)
            case Ended(child, code):
                return await self._ended(child, code)
            case _Stop():
                return self._stop()
        return None

    async def _hear(self, child: Child, said: Said) -> None:
        """Take note of what a process says, unless another save has overtaken it."""
        match said:
            case Imported(files) if child is self._kept:
                self._kept_files = files
            case Failed(lines) if child is self._next:
                self._next = None
                self._refuse(lines)
            case Imported() if child is self._next:
                await self._take_over()
            case Ready(libraries) if child is self._running:
                self._announce(child)
                await self._prepare(libraries)
            case _:
                pass

    async def _follow(self, saved: Saved) -> None:
        if self._stopping.is_set():
            return
        self._saved = saved
        self._kept_is_old |= self._kept is not None and saved.concerns(self._kept_files)
        if self._next is not None:
            self._next.kill()
        await self._load()

    async def _load(self) -> None:
        self._next, self._spare = self._spare or await self._start(self._module), None
        self._next.order(Load())

    async def _start(self, module: str) -> Child:
        return await Child.start(module, self._env, self._events.put_nowait)

    async def _prepare(self, libraries: list[str]) -> None:
        """Have a spare ready for the next save."""
        # Where something is kept, the process must be made ready for its libraries first.
        if self._kept is None and self._spare is None and not self._stopping.is_set():
            self._spare = await self._start(self._module)
            self._spare.order(Prepare(libraries))

    async def _take_over(self) -> None:
        """Let the next one run, as soon as nobody else does."""
        if self._next is None or not self._next.imported:
            return
        if self._running is not None:
            if not self._running.ending:
                self._running.terminate()
            return
        if self._kept_is_old:
            await self._start_kept()
        self._running, self._next = self._next, None
        self._running.order(Go())

    async def _start_kept(self) -> None:
        """Start the process that is kept, in place of one that runs old code."""
        if self._kept_module is None:
            return
        if self._kept is not None:
            self._kept.kill()
        _remove(Path(self._env[KEPT]))
        self._kept_is_old = False
        self._kept = await self._start(self._kept_module)
        self._kept.order(Load(), Go())

    async def _ended(self, child: Child, code: int) -> int | None:
        if child is self._kept:
            return self._lose_kept(child, code)
        if child is self._spare:
            self._spare = None
        if child is self._next:
            self._next = None
            self._refuse([f"it ended while it was imported: {how(code)}"])
        if child is not self._running:
            return None
        self._running = None
        if self._stopping.is_set() or (not child.ending and (child.ready or not self._saved)):
            # By itself, as it might without a reloader: whoever started us knows what to do.
            return exit_code(code)
        if not child.ending:
            self._refuse([f"it ended before it was ready: {how(code)}"])
        await self._take_over()
        return None

    def _lose_kept(self, kept: Child, code: int) -> int | None:
        if not kept.imported:
            # The service imports the same code, and tells what is wrong with it.
            self._kept_is_old = True
            return None
        self._tell(f"the process that is kept has ended: {how(code)}")
        return exit_code(code) or 1

    def _stop(self) -> int | None:
        self._stopping.set()
        if self._next is not None:
            self._next.kill()
            self._next = None
        if self._running is None:
            return 0
        self._running.terminate()
        return None

    def _announce(self, child: Child) -> None:
        child.ready = True
        if self._saved is not None:
            took = time.time() - self._saved.at
            self._tell(f"ready {took:.2f} s after {self._saved.described(ROOT)}")

    def _refuse(self, lines: Iterable[str]) -> None:
        runs = self._running is not None and not self._running.ending
        state = "what ran before goes on" if runs else "nothing runs"
        self._tell(*lines, f"not loaded: {state}, until the next save")

    def _tell(self, *lines: str) -> None:
        sys.stderr.writelines(f"{PREFIX}{self._name}: {line}\n" for line in lines)
        sys.stderr.flush()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def exit_code(code: int) -> int:
    """As a shell tells it: one of 0 to 255."""
    return code if code >= 0 else 128 - code


def how(code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _module(package: str, name: str) -> str | None:
    module = f"{package}.{name}"
    return module if importlib.util.find_spec(module) else None
