"""A child process: it writes to a log file, and dies with its parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be allocated


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A command that can be started, stopped, killed and started again."""

    def __init__(
        self, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self.env = dict(env)
        self.cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None before its first start."""
        return self._child.pid if self._child else None

    @property
    def exit_code(self) -> int | None:
        """How it ended (minus the signal if by one); None while it runs or before its start."""
        return self._child.poll() if self._child else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it. On Linux it is killed when the calling thread ends, however that happens."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                # Ctrl-C on the terminal reaches the parent only, which then ends its children in
                # order.
                process_group=0,
                preexec_fn=_die_with_parent,
            )

    def terminate(self) -> None:
        """Ask it to end."""
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without asking, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        # The kernel ends it once its last write is on the disk, which may be busy.
        self.wait(60)

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it does not run."""
        if self._child is not None and self._child.poll() is None:
            os.kill(self._child.pid, number)

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds for its end; whether it came."""
        if self._child is None:
            return True
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end, and kill it if it has not after so many seconds."""
        self.terminate()
        if not self.wait(timeout):
            self.kill()

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of its log."""
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return []
        return text.splitlines()[-count:]
