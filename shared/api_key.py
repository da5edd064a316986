"""API keys: how one looks, and what is kept of it.

    ebk_<43 characters: 256 random bits><6 characters: CRC-32 of what comes before>

in base 62. The prefix and the checksum let programs that look for leaked secrets recognize one
without asking us, and let us tell a typing error from a key that was revoked.

What is kept is its SHA-256. A slow hash is for passwords, which can be guessed; nobody guesses 256
random bits, and a slow hash would be paid with every request.
"""

import hashlib
import re
import secrets
import string
import zlib
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from shared.keys import Credential, Limit, Scope

PREFIX = "ebk_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET = 43
_CHECK = 6
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_SECRET + _CHECK}}}\Z")


class KeyRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of an API key."""

    id: Annotated[str, Meta(description="Names it, in lists and in the audit log")]
    name: Annotated[str, Meta(description="Who or what uses it, in words")]
    sha256: Annotated[str, Meta(description="SHA-256 of the key, in hex")]
    scopes: Annotated[tuple[Scope, ...], Meta(description="What it may do")]
    limits: Annotated[
        tuple[Limit, ...], Meta(description="Recordings that it reaches; all if there is none")
    ] = ()
    created: Annotated[datetime, Meta(description="When it was made")]
    expires: Annotated[datetime | None, Meta(description="When it ends; never if null")] = None
    revoked: Annotated[datetime | None, Meta(description="When it was revoked")] = None

    def credential(self) -> Credential:
        """What proves it has."""
        return Credential(
            self.id,
            frozenset(self.scopes),
            self.limits,
            expires=self.expires.timestamp() if self.expires else None,
        )


def new_key() -> str:
    """A fresh key."""
    body = PREFIX + _base62(secrets.randbits(256), _SECRET)
    return body + _check(body)


def new_id() -> str:
    """A fresh id for a key's record."""
    return secrets.token_hex(4)


def well_formed(text: str) -> bool:
    """Whether a text is a key of ours, its checksum included; not whether it counts."""
    return bool(_FORM.match(text)) and text[-_CHECK:] == _check(text[:-_CHECK])


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    found = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found
