"""An event that one reader wants costs the same with that reader alone and with thousands more."""

from collections.abc import Callable
from unittest.mock import patch

from services.stream.fanout import Fanout
from services.stream.filters import Wanted, parse
from services.stream.frames import Frames
from services.stream.wire import Framing, plain
from shared import subjects
from shared.bus import StoredMessage


class Counting:
    """A wire that counts what it is written."""

    writes = 0

    def __init__(self) -> None:
        self.framing: Framing = plain
        self.file: int | None = None
        self.notify: Callable[[], None] = lambda: None
        self.writable, self.lost = True, False

    def write(self, data: bytes) -> None:
        Counting.writes += bool(data)

    def abort(self) -> None:
        self.lost = True


def message(sequence: int, channel: str) -> StoredMessage:
    subject = subjects.event("county", channel, "a" * 32, 1, "segment")
    return StoredMessage(subject, b"{}", {}, sequence)


async def test_nobody_is_asked_or_written_to_who_does_not_want_it() -> None:
    hub = Fanout(Frames(traced=False))
    hub.begin("e", 0)
    for number in range(4990):
        hub.join(parse([("channel", f"other-{number % 499}")]), Counting())
    hub.join(parse([("channel", "wanted")]), Counting())
    hub.take([message(1, "wanted")])
    hub.flush()
    Counting.writes = 0
    asked: list[Wanted] = []

    def wants(wanted: Wanted, _: object) -> bool:
        asked.append(wanted)
        return True

    with patch.object(Wanted, "wants", wants):
        for sequence in range(2, 102):
            hub.take([message(sequence, "wanted")])
            hub.flush()
    assert Counting.writes == 100
    assert asked == []
