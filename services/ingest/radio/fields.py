"""The fields of a form, as tables: what the metadata calls them, and how they are read."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from services.ingest.radio.call import MORE
from shared.messages import Metadata

_NOTHING = ("", "-", "0", "[]")
"""How senders say that they have nothing to say."""


class Field(NamedTuple):
    """One of the fields."""

    name: str
    """What the metadata calls it."""
    read: Callable[[str], object]
    """None for what it does not understand."""
    description: str
    example: str


def read(form: Mapping[str, str], fields: Mapping[str, Field], others: Collection[str]) -> Metadata:
    """The metadata of a form; `others` are fields that are read elsewhere.

    What is unknown, or cannot be read, is kept as it came.
    """
    metadata: Metadata = {}
    more: dict[str, object] = {}
    for name, value in form.items():
        if name in others:
            continue
        field = fields.get(name)
        found = field.read(value) if field else None
        if field and found is not None:
            metadata[field.name] = found
        elif value not in (_NOTHING if field else _NOTHING[:2]):
            more[name] = value
    return {**metadata, **({MORE: more} if more else {})}
