"""A URL's query, read strictly: what is no UTF-8 is refused, as it is in a form."""

from urllib.parse import unquote_to_bytes

from shared.errors import BadInput


def pairs(query: bytes) -> list[tuple[str, str]]:
    """The names and values of a query in their order, repeated ones too.

    Raises BadInput, which names the parameter, for what is not UTF-8: frameworks put U+FFFD in its
    place, and another name would be stored than was meant.
    """
    parts = (part.partition(b"=") for part in query.split(b"&") if part)
    return [(name := _text(key, "query"), _text(value, name)) for key, _, value in parts]


def _text(raw: bytes, field: str) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise BadInput(
            f"{field[:80]!r} in the query is not UTF-8.", field=field[:80], limit="UTF-8"
        ) from None
