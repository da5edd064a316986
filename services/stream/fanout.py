"""Writes each event to every live reader that wants it, without waking a task for any of them.

Readers that want the same are one group: its frames are joined and framed once for all. The first
event of a quiet time is written at once. While more come to many readers, what came is written
together: after as long a pause as the last write took, so that the more readers there are, the more
is joined.
"""

import asyncio
import os
import time
from collections.abc import Sequence

from services.stream.filter_index import FilterIndex
from services.stream.filters import Wanted, view
from services.stream.frames import Frames
from services.stream.wire import Framing, Wire
from shared.bus import StoredMessage

LONGEST_PAUSE = 0.005
"""Seconds; no event waits longer for others to be written with."""
_SHORTEST_PAUSE = 0.001
"""Seconds; after a write that took less, the next event is written at once. The loop's timers know
no less, and a turn of the loop for one costs as much as writing to ten readers."""


class Group:
    """Live readers that want the same."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._wires: dict[Framing, dict[Wire, int | None]] = {}
        self._written: list[tuple[Framing, tuple[tuple[Wire, int | None], ...]]] | None = None

    def __bool__(self) -> bool:
        return any(self._wires.values())

    def add(self, wire: Wire) -> None:
        """A reader came."""
        self._wires.setdefault(wire.framing, {})[wire] = wire.file
        self._written = None

    def discard(self, wire: Wire) -> None:
        """A reader went."""
        self._wires.get(wire.framing, {}).pop(wire, None)
        self._written = None

    def write(self, data: bytes) -> None:
        """Write to each of them."""
        if self._written is None:
            # A copy, since who does not keep up leaves while it is written to.
            each = self._wires.items()
            self._written = [(framing, tuple(wires.items())) for framing, wires in each]
        for framing, wires in self._written:
            framed = framing(data)
            size = len(framed)
            for wire, file in wires:
                if file is None:
                    wire.write(framed)
                    continue
                try:
                    sent = os.write(file, framed)
                except OSError:
                    # Full, or broken: the transport finds out which.
                    sent = 0
                if sent < size:
                    wire.write(framed[sent:])


class Fanout:
    """The live readers. What the ring holds up to `flushed`, each of them has been sent."""

    def __init__(self, frames: Frames, longest_pause: float = LONGEST_PAUSE) -> None:
        self._frames = frames
        self._longest_pause = longest_pause
        self._groups: dict[Wanted, Group] = {}
        self._index: FilterIndex[Group] = FilterIndex()
        self._pending: list[StoredMessage] = []
        self._flushing: asyncio.Handle | None = None
        self._not_before = 0.0
        self._epoch = ""
        self.flushed = 0
        """Sequence of the last event that was written to whoever wants it."""
        self.readers = 0
        """Live readers."""

    def join(self, wanted: Wanted, wire: Wire) -> None:
        """Write to it whatever comes from now on; it has been sent all that came before."""
        self.flush()
        group = self._groups.get(wanted)
        if group is None:
            group = self._groups[wanted] = Group(wanted)
            self._index.add(group)
        group.add(wire)
        self.readers += 1

    def leave(self, wanted: Wanted, wire: Wire) -> None:
        """Write to it no more; it has been sent everything up to `flushed`."""
        group = self._groups[wanted]
        group.discard(wire)
        self.readers -= 1
        if not group:
            del self._groups[wanted]
            self._index.remove(group)

    def take(self, batch: Sequence[StoredMessage]) -> None:
        """These came: write them soon."""
        self._pending.extend(batch)
        if self._flushing is None:
            pause = self._not_before - time.monotonic()
            if pause <= 0:
                self.flush()
            else:
                loop = asyncio.get_running_loop()
                self._flushing = loop.call_later(pause, self.flush)

    def begin(self, epoch: str, floor: int) -> None:
        """What comes from now on is of another epoch, after `floor`."""
        self.flush()
        self._epoch = epoch
        self.flushed = floor

    def flush(self) -> None:
        """Write what is pending."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        self.flushed = pending[-1].sequence
        began = time.monotonic()
        for group, frames in self._sorted(pending).items():
            group.write(b"".join(frames))
        now = time.monotonic()
        took = now - began
        self._not_before = now + (min(took, self._longest_pause) if took > _SHORTEST_PAUSE else 0)

    def _sorted(self, pending: Sequence[StoredMessage]) -> dict[Group, list[bytes]]:
        found: dict[Group, list[bytes]] = {}
        subject, of_subject = "", list[list[bytes]]()
        for message in pending:
            # Events of a version come together, and whoever wants one of a subject wants them all.
            if message.subject != subject:
                subject = message.subject
                event = view(message)
                groups = self._index.matching(event) if event else ()
                of_subject = [found.setdefault(group, []) for group in groups]
            if of_subject:
                frame = self._frames.of(self._epoch, message, self.readers)
                for frames in of_subject:
                    frames.append(frame)
        return found
