"""A multipart form, parsed as it comes: the `multipart` library behind a typed face."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, cast

import multipart  # pyright: ignore[reportMissingTypeStubs] - it has none; its face is below

from shared.errors import BadInput

PARTS = 64
"""Parts that a form may have."""
HEADER_BYTES = 4096
"""Bytes of one header line of a part."""


class Part(NamedTuple):
    """The beginning of a part."""

    name: str
    filename: str


class _Segment(Protocol):
    name: str | None
    filename: str | None


class _Parser(Protocol):
    def parse(self, chunk: bytes) -> Iterator[_Segment | bytes | bytearray | None]: ...

    def close(self) -> None: ...


class _Library(Protocol):
    MultipartError: type[Exception]
    ParserLimitReached: type[Exception]
    PushMultipartParser: Callable[..., _Parser]
    parse_options_header: Callable[[str], tuple[str, dict[str, str]]]


_library = cast(_Library, multipart)


class FormParser:
    """Turns the bytes of a form into the beginnings of its parts, their bytes, and their ends."""

    def __init__(self, content_type: str, parts: int = PARTS, charset: str = "utf-8") -> None:
        """`parts`: how many it may have; `charset`: of its parts' headers.

        Raises BadInput if the Content-Type names no boundary.
        """
        self._parts = parts
        boundary = _library.parse_options_header(content_type)[1].get("boundary", "")
        if not boundary:
            raise BadInput(
                "The Content-Type of the form names no boundary.",
                field="Content-Type",
                limit="multipart/form-data; boundary=…",
            )
        with _as_bad_input(parts):
            self._parser = _library.PushMultipartParser(
                boundary,
                max_segment_count=parts,
                max_header_size=HEADER_BYTES,
                header_charset=charset,
            )

    def parse(self, data: bytes) -> Iterator[Part | bytes | None]:
        """What some more bytes bring; None is the end of a part. Raises BadInput."""
        with _as_bad_input(self._parts):
            for event in self._parser.parse(data):
                if event is None or isinstance(event, bytes | bytearray):
                    yield None if event is None else bytes(event)
                else:
                    yield Part(event.name or "", event.filename or "")

    def finish(self) -> None:
        """Raises BadInput if the form is not complete."""
        with _as_bad_input(self._parts):
            self._parser.close()


@contextmanager
def _as_bad_input(parts: int) -> Generator[None, None, None]:
    try:
        yield
    except _library.ParserLimitReached as error:
        limit = f"{parts} parts, header lines of {HEADER_BYTES} bytes"
        raise BadInput(f"The form is too large: {error}.", field="body", limit=limit) from None
    except _library.MultipartError as error:
        raise BadInput(
            f"The body is no multipart form: {error}.", field="body", limit="multipart/form-data"
        ) from None
