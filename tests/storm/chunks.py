"""HTTP/1.1's chunked transfer coding (RFC 9112, 7.1), undone as it comes."""

_LINE_END = b"\r\n"


class Chunks:
    """One body."""

    def __init__(self) -> None:
        self.ended = False
        """Whether its last chunk came, the empty one."""
        self._left = 0
        """Bytes of the chunk in hand that are still to come."""
        self._rest = b""
        """What came of a line that is not yet whole."""

    def take(self, data: bytes) -> bytes:
        """What these bytes hold of the body."""
        if len(data) <= self._left:
            self._left -= len(data)
            return data
        pieces: list[bytes] = []
        data, at = self._rest + data, 0
        while not self.ended:
            pieces.append(data[at : at + self._left])
            at, self._left = at + self._left, 0
            if (line := self._line(data, at)) is None:
                break
            at, self._left = line
            self.ended = self._left == 0
            if at + self._left > len(data):
                pieces.append(data[at:])
                self._left, at = at + self._left - len(data), len(data)
                break
        self._rest = data[at:]
        return b"".join(pieces)

    def _line(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Where a chunk begins and how long it is, by the line before it; None if it is cut off."""
        # But for the first chunk's, the end of the chunk before comes first.
        begin = at + len(_LINE_END) if data.startswith(_LINE_END, at) else at
        end = data.find(_LINE_END, begin)
        if end < 0:
            return None
        return end + len(_LINE_END), int(data[begin:end], 16)
