"""A receiver of webhooks, as the bucket `echobase-webhooks` keeps it."""

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct

from services.stream.filters import Filters, Wanted, parse
from shared.bus import StoredMessage
from shared.errors import BadInput

TYPES = ("completed", "failed")
"""The events that are posted."""
PREFIX = "whsec_"
_SECRET_BYTES = 32

Pairs = tuple[tuple[str, str], ...]
"""Filters as names and values, as in the query of `GET /v1/events`."""


class Receiver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is posted what."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{8}$", description="Names it, in lists and logs")]
    url: Annotated[str, Meta(max_length=2000, description="Where it is posted to")]
    secrets: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Each signs; the newest first")
    ]
    filters: Annotated[Pairs, Meta(description="As of `GET /v1/events`; every event if none")] = ()
    name: Annotated[str, Meta(description="What it is, in words")] = ""
    created: Annotated[datetime, Meta(description="When it was added")]
    ended: Annotated[
        datetime | None, Meta(description="When it was switched off; null while it is on")
    ] = None
    why: Annotated[str, Meta(description="Why it was switched off")] = ""

    def __repr__(self) -> str:
        """Without the secrets, and without an address that may hold one."""
        return f"Receiver({self.id})"

    def wants(self, message: StoredMessage) -> bool:
        """Whether an event of EVENTS is for it."""
        return self.ended is None and wanted(self.filters).takes(message)


def new_id() -> str:
    """A fresh id."""
    return secrets.token_hex(4)


def new_secret() -> str:
    """A fresh secret, as Standard Webhooks writes one."""
    return PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


@lru_cache(maxsize=1024)
def wanted(filters: Pairs) -> Wanted:
    """What filters ask for. Raises BadInput."""
    return parse(filters)


def check(filters: Pairs) -> Pairs:
    """The filters, if they are about what is posted. Raises BadInput."""
    strange = _types(wanted(filters).filters) - set(TYPES)
    if strange:
        raise BadInput(
            f"events of the type {min(strange)!r} are not posted",
            field="type",
            limit=" or ".join(TYPES),
        )
    return filters


def _types(filters: Iterable[Filters]) -> set[str]:
    return {type for each in filters for type in each.types}
