"""What stands in the fields of a call, read with patience: what cannot be read is None."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, cast

import msgspec
from msgspec import Meta

_EARLIEST = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"[0-9]{1,18}\Z")
_DECIMAL = re.compile(r"([0-9]{1,18})(?:\.[0-9]{0,18})?\Z")
_MOST_ROWS = 10_000
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off", "")

Row = dict[str, object]


def decode(raw: bytes) -> str:
    """Bytes as text, in whatever way: Java before 18 sends what Windows is set to."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def text(value: str) -> str | None:
    """A text; senders put "-" for none."""
    return value if value not in ("", "-") else None


def whole(value: str) -> int | None:
    """A whole number above 0."""
    return (int(value) or None) if _WHOLE.match(value) else None


def rounded(value: str) -> int | None:
    """A number above 0, without what stands behind its point: frequencies, counts."""
    found = _DECIMAL.match(value)
    return (int(found[1]) or None) if found else None


def seconds(value: str) -> float | None:
    """A length above 0, in seconds."""
    return (float(value) or None) if _DECIMAL.match(value) else None


def flag(value: str) -> bool | None:
    """Yes or no."""
    value = value.lower()
    return True if value in _YES else False if value in _NO else None


def whole_or_text(value: str) -> int | str | None:
    """A number if it is one."""
    return whole(value) or text(value)


def words(value: str) -> list[str] | None:
    """Texts with commas between them."""
    found = [word.strip() for word in value.split(",")]
    return [word for word in found if text(word)] or None


def instant(value: str) -> datetime | None:
    """Seconds since 1970, 0 not among them, or RFC 3339 with a time zone; until 2099."""
    try:
        if _DECIMAL.match(value):
            return _between(datetime.fromtimestamp(float(value), UTC))
        return _between(msgspec.convert(value, Annotated[datetime, Meta(tz=True)]))
    except (ValueError, OverflowError, OSError, msgspec.ValidationError):
        return None


def instant_in_ms(value: str) -> datetime | None:
    """Milliseconds since 1970."""
    milliseconds = whole(value)
    return None if milliseconds is None else instant(f"{milliseconds / 1000:.3f}")


def _between(time: datetime) -> datetime | None:
    return time.astimezone(UTC) if _EARLIEST <= time < _LATEST else None


def numbers(value: object) -> list[int] | None:
    """Whole numbers above 0, of a list; of its JSON, or of what OpenMHz takes for it."""
    found = json(value) if isinstance(value, str) else value
    if isinstance(found, list):
        of_list = [int(n) for n in cast(list[object], found) if isinstance(n, int | float)]
    elif isinstance(value, str):
        pieces = value.strip("[]").split(",")
        of_list = [whole(piece.strip()) or 0 for piece in pieces]
    else:
        return None
    return [number for number in of_list if number > 0] or None


def rows(value: object) -> list[Row] | None:
    """Objects of a list, or of its JSON; of their values those that are no lists or objects."""
    found = json(value) if isinstance(value, str) else value
    if not isinstance(found, list):
        return None
    flat = map(_flat, cast(list[object], found)[:_MOST_ROWS])
    return [row for row in flat if row] or None


def json(value: str) -> object:
    """What JSON says; None for what is none: trunk-recorder does not escape the tags in it."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, ValueError):
        return None


def _flat(row: object) -> Row:
    if not isinstance(row, dict):
        return {}
    values = cast(Mapping[str, object], row).items()
    return {k: v for k, v in values if v is not None and not isinstance(v, list | dict)}
