"""Sends a piece to ingest, byte by byte, and reads what is answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from tests.soak.piece import Piece, Upload, Wire

PATIENCE = 60.0
"""Seconds within which an answer comes."""


@dataclass(frozen=True)
class Answer:
    """What ingest answered."""

    status: int
    """0 for nothing at all."""
    content_type: str = ""
    body: bytes = b""

    @property
    def fields(self) -> Mapping[str, object]:
        """Its JSON; nothing if it holds none."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, object])
        except msgspec.DecodeError:
            return {}


async def send(piece: Upload | Wire, port: int, more: Mapping[str, str]) -> Answer:
    """The answer to a piece; `more` is added to an upload's query."""
    request = piece.sent if isinstance(piece, Wire) else _request(piece, more)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await _converse(piece, request, reader, writer)
        finally:
            writer.close()


async def _converse(
    piece: Piece, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Answer:
    # Together: who answers before the end may close, and an answer that is unread is lost then.
    received = bytearray()
    answering = asyncio.ensure_future(_receive(reader, received))
    try:
        writer.write(request)
        await writer.drain()
        if isinstance(piece, Upload | Wire) and piece.right == "silence":
            writer.write_eof()
        await answering
    except ConnectionError:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    return read(bytes(received))


async def _receive(reader: asyncio.StreamReader, received: bytearray) -> None:
    while data := await reader.read(65_536):
        received += data


def _request(piece: Upload, more: Mapping[str, str]) -> bytes:
    query = urlencode({**more, **piece.query})
    length = str(len(piece.body)) if piece.length is None else piece.length
    headers = {"Host": "localhost", "Connection": "close", "Content-Length": length} | dict(
        piece.headers
    )
    lines = [f"POST /v1/recordings?{query} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + piece.body


def read(received: bytes) -> Answer:
    """The answer that a connection has brought."""
    head, _, body = received.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    words = line.split()
    if len(words) < 2 or not words[1].isdecimal():
        return Answer(0)
    named = {name.strip().lower(): value.strip() for name, _, value in map(_colon, headers)}
    return Answer(int(words[1]), named.get("content-type", ""), body)


def _colon(line: str) -> tuple[str, str, str]:
    return line.partition(":")
