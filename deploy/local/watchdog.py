"""Ends a stack's processes when their supervisor is gone, where the system does not do it itself.

Linux kills a child whose parent dies if it asked for that; macOS has no such call. There this
process reads the children's ids from a pipe that only the supervisor holds: once the pipe is
closed, however that came about, it kills them.
"""

import contextlib
import os
import signal
import subprocess
import sys


class Watchdog:
    """The watchdog as its supervisor sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.watchdog"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        """Take a child into its care."""
        self._say(f"+{pid}")

    def forget(self, pid: int) -> None:
        """Let go of a child that has ended: its id may become another's."""
        self._say(f"-{pid}")

    def close(self) -> None:
        """End it; children that it still watches are killed."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        # It may have been killed itself: then the stack runs on without it.
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()


def main() -> None:
    """Read ids until the pipe is closed, then kill."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: set[int] = set()
    for line in sys.stdin:
        (watched.add if line.startswith("+") else watched.discard)(int(line[1:]))
    for pid in watched:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
