"""What `make dev` shows of each reload: the lines that `shared.reload` writes into the logs."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

MARK = "reload: "
"""How such a line begins."""
_POLL = 0.05


class Tail:
    """What is added to a log."""

    def __init__(self, log: Path) -> None:
        """From its present end on."""
        self._log = log
        self._place = log.stat().st_size if log.exists() else 0
        self._rest = b""

    def lines(self) -> list[str]:
        """The whole lines since the last call."""
        if not self._log.exists():
            return []
        if self._log.stat().st_size < self._place:
            self._place, self._rest = 0, b""  # it was put aside, and began anew
        with self._log.open("rb") as log:
            log.seek(self._place)
            added = log.read()
        self._place += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


async def show(logs: Iterable[Path], tell: Callable[[str], None]) -> None:
    """Tell of every reload, until cancelled."""
    tails = [Tail(log) for log in logs]
    while True:
        for line in (line for tail in tails for line in tail.lines()):
            if line.startswith(MARK):
                tell(line.removeprefix(MARK))
        await asyncio.sleep(_POLL)
