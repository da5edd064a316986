"""How a measured server is told what to do: lines on its standard input, answers on its output.

publish <count>     that many events at once; no answer
usage               answers {"cpu": seconds, "rss": bytes}
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from shared.messages import Segment

RECORDING = "c" * 32
_TEXT = "Engine seven and ladder two respond to a structure fire at one four one two main street"


class Events:
    """The same events for every server: sequence, type and JSON."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, count: int) -> list[tuple[int, str, bytes]]:
        """So many, each about 350 bytes."""
        first = self._last + 1
        self._last += count
        return [
            (n, "segment", msgspec.json.encode(segment(n))) for n in range(first, self._last + 1)
        ]


def segment(number: int) -> Segment:
    """One event, of one version."""
    return Segment(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire",
        time=datetime.now(UTC),
        index=number,
        chunk=number,
        start=3.0 * number,
        end=3.0 * number + 2.5,
        text=_TEXT,
        confidence=0.93,
    )


async def serve_commands(port: int, publish: Callable[[int], Awaitable[None]]) -> None:
    """Say the port, then do what is said until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"port": port}), flush=True)
    while line := await reader.readline():
        match line.split():
            case [b"publish", count]:
                await publish(int(count))
            case _:
                print(json.dumps({"cpu": time.process_time(), "rss": _rss()}), flush=True)


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
