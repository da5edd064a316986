"""A stream's latest messages in memory, without a hole."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from shared.bus import StoredMessage


class Ring:
    """Every message of the stream after `floor`, up to `last`."""

    def __init__(self, capacity: int, floor: int) -> None:
        """`capacity`: messages kept at least; up to twice as many are held."""
        self._capacity = capacity
        self._floor = floor
        self._messages: list[StoredMessage] = []

    @property
    def floor(self) -> int:
        """Sequence after which nothing is missing."""
        return self._floor

    @property
    def last(self) -> int:
        """Sequence of the latest message, or the floor if there is none."""
        return self._messages[-1].sequence if self._messages else self._floor

    def extend(self, messages: Sequence[StoredMessage]) -> None:
        """Add what came after `last`; the oldest are dropped."""
        self._messages.extend(messages)
        # Half of it at once, so that a message is moved once and not at each arrival.
        if len(self._messages) > 2 * self._capacity:
            dropped = len(self._messages) - self._capacity
            self._floor = self._messages[dropped - 1].sequence
            del self._messages[:dropped]

    def drop(self, unwanted: Callable[[StoredMessage], bool]) -> None:
        """Take messages out; the latest must not be among them."""
        self._messages = [message for message in self._messages if not unwanted(message)]

    def after(self, sequence: int, count: int) -> list[StoredMessage]:
        """Up to `count` messages that follow a sequence, which is not below the floor."""
        begin = bisect_right(self._messages, sequence, key=_sequence)
        return self._messages[begin : begin + count]


def _sequence(message: StoredMessage) -> int:
    return message.sequence
