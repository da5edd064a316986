"""What a caller may say of a recording: every field, its limit, and how it is read.

The same table makes the OpenAPI description, so that the two cannot differ.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, cast

import msgspec
from msgspec import Meta, Struct

from shared.errors import BadInput
from shared.messages import Metadata, Options
from shared.subjects import LANES, Lane

NAME = 128
"""Characters of a source, a channel, a model or a correlation id."""
FILENAME = 255
"""Characters of a file's name."""
TEXT = 1_000
"""Characters of a prompt and of hotwords."""
METADATA = 16 * 1024
"""Bytes of the metadata's JSON."""
DEPTH = 32
"""Levels of the metadata."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Description(Struct, frozen=True, kw_only=True):
    """What the caller said of a recording."""

    source: str = "upload"
    channel: str = "default"
    start: datetime | None = None
    lane: Lane | None = None
    options: Options = Options()
    metadata: Metadata = {}
    correlation_id: str | None = None
    filename: str | None = None


@dataclass(frozen=True)
class Field:
    """One of the fields."""

    description: str
    limit: str
    """What is allowed, in words."""
    example: str
    read: Callable[[str], object]
    """Raises ValueError for what is not allowed."""


def line(most: int) -> Callable[[str], str]:
    """Reads a text of so many characters that stands on one line."""

    def read(value: str) -> str:
        if len(value) > most or any(_is_control(c) for c in value):
            raise ValueError
        return value

    return read


def _name(value: str) -> str:
    # Such as those that turn the writing direction: names that look alike would be two.
    if any(unicodedata.category(c) == "Cf" for c in value):
        raise ValueError
    return line(NAME)(value)


def _text(value: str) -> str:
    if len(value) > TEXT or any(_is_control(c) and c not in "\t\r\n" for c in value):
        raise ValueError
    return value


def _is_control(character: str) -> bool:
    # Control characters, and the two that end a line in Unicode.
    return unicodedata.category(character) in ("Cc", "Zl", "Zp")


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError
        return value

    return read


def _matching(pattern: str) -> Callable[[str], str]:
    whole = re.compile(pattern)

    def read(value: str) -> str:
        if not whole.fullmatch(value):
            raise ValueError
        return value

    return read


def _language(value: str) -> str:
    return _matching("[a-z]{2,3}")(value.lower())


def _start(value: str) -> datetime:
    # In a query an unescaped plus sign is a space.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", value)
    time = msgspec.convert(text, Annotated[datetime, Meta(tz=True)])
    if not _EARLIEST <= time < _LATEST:
        raise ValueError
    return time.astimezone(UTC)


def _words(value: str) -> bool:
    return _one_of("true", "1", "false", "0")(value.lower()) in ("true", "1")


def _filename(value: str) -> str:
    # Some browsers send the whole path.
    return line(FILENAME)(re.split(r"[/\\]", value)[-1])


def _metadata(value: str) -> Metadata:
    if len(value.encode()) > METADATA:
        raise ValueError
    try:
        found = msgspec.json.decode(value, type=Metadata)
    except RecursionError:
        raise ValueError from None
    if _depth(found) > DEPTH:
        raise ValueError
    return found


def _depth(value: object) -> int:
    if isinstance(value, dict):
        inner = cast(Metadata, value).values()
    elif isinstance(value, list):
        inner = cast(list[object], value)
    else:
        return 0
    return 1 + max(map(_depth, inner), default=0)


_A_NAME = f"at most {NAME} characters, no control characters and no invisible ones"
_A_LINE = "at most {} characters, no control characters"

FIELDS: Mapping[str, Field] = {
    "source": Field(
        "Who recorded it; `upload` if absent",
        _A_NAME,
        "county",
        _name,
    ),
    "channel": Field(
        "Which stream of the source; `default` if absent",
        _A_NAME,
        "fire-dispatch",
        _name,
    ),
    "start": Field(
        "When the recording began; part of its identity",
        "RFC 3339 with a time zone, from 1970 to 2099",
        "2026-03-01T12:00:00Z",
        _start,
    ),
    "lane": Field(
        "How soon it is transcribed; as is said of its channel, or else `live`, if absent",
        ", ".join(LANES),
        "urgent",
        _one_of(*LANES),
    ),
    "language": Field(
        "ISO 639-1 code; its channel's, the transcriber's own, or detected, if absent",
        "2 or 3 letters",
        "en",
        _language,
    ),
    "prompt": Field(
        "Text that sets spelling and style; its channel's, or the transcriber's, if absent",
        f"at most {TEXT} characters, no control characters but tab and line ends",
        "Engine 4, Medic 2, Birch Street",
        _text,
    ),
    "hotwords": Field(
        "Words to expect; its channel's if absent",
        f"at most {TEXT} characters, no control characters but tab and line ends",
        "Birch Street",
        _text,
    ),
    "words": Field(
        "Give each word's time and confidence; `false` if absent",
        "true, false, 1, 0",
        "true",
        _words,
    ),
    "task": Field(
        "`translate` is into English; `transcribe` if absent",
        "transcribe, translate",
        "transcribe",
        _one_of("transcribe", "translate"),
    ),
    "model": Field(
        "Model name; the transcriber's own if absent",
        f"at most {NAME} of letters, digits, `.`, `_`, `-`, `/`",
        "medium.en",
        _matching(rf"[A-Za-z0-9._/-]{{1,{NAME}}}"),
    ),
    "metadata": Field(
        "What else to keep with it, copied into every event",
        f"a JSON object of at most {METADATA} bytes and {DEPTH} levels",
        '{"incident": 42}',
        _metadata,
    ),
    "correlation_id": Field(
        "The caller's own id, copied into every event",
        _A_LINE.format(NAME),
        "call-8121",
        line(NAME),
    ),
    "filename": Field(
        "Name of the audio file; in a form, that of the file part counts unless this is given",
        _A_LINE.format(FILENAME),
        "call.wav",
        _filename,
    ),
}
_OPTIONS = frozenset(Options.__struct_fields__)
FILE = "file"
"""The form's field with the audio."""


def check_name(name: str) -> None:
    """Raises BadInput, which names it, for a field that does not exist."""
    if name not in FIELDS:
        allowed = ", ".join((FILE, *FIELDS))
        raise BadInput(
            f"There is no field {name[:NAME]!r}; the fields are {allowed}.",
            field=name[:NAME],
            limit=allowed,
        )


def read_fields(given: Mapping[str, str]) -> Description:
    """What the fields say; an empty field counts as absent.

    Raises BadInput, which names the field and its limit.
    """
    found: dict[str, object] = {}
    for name, value in given.items():
        check_name(name)
        if text := value.strip():
            found[name] = _read(name, text)
    options = {name: found.pop(name) for name in list(found) if name in _OPTIONS}
    return msgspec.convert({**found, "options": options}, Description)


def _read(name: str, value: str) -> object:
    field = FIELDS[name]
    try:
        return field.read(value)
    except (ValueError, msgspec.ValidationError, msgspec.DecodeError):
        shown = value if len(value) <= 40 else value[:40] + "…"
        raise BadInput(
            f"The field {name!r} holds {shown!r}; allowed is: {field.limit}.",
            field=name,
            limit=field.limit,
        ) from None
