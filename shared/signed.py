"""Signed tokens: a page's session, and a third party's leave to follow some events.

    <claims as JSON, base64url>.<HMAC-SHA256 over purpose and claims, base64url>

A token names the key that stands behind it and nothing of what the key may do: that is looked up
whenever the token is used, so that a key that is revoked takes its tokens along.
"""

import base64
import hashlib
import hmac
from typing import Literal

import msgspec
from msgspec import Struct

Purpose = Literal["session", "stream"]
"""What a token is for: one for the page is none for an event stream."""


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says."""

    key: str
    """Id of the key behind it."""
    expires: float
    """Seconds since 1970."""
    session: str = ""
    """Id of the session."""
    filters: tuple[tuple[str, str], ...] = ()
    """Names and values of the filters of a stream token."""


def sign(claims: Claims, purpose: Purpose, secret: bytes) -> str:
    """The token of claims."""
    body = _encode(msgspec.json.encode(claims))
    return f"{body}.{_signature(body, purpose, secret)}"


def read(token: str) -> Claims | None:
    """What a token claims, believed by nobody yet; None if it is no token."""
    try:
        return msgspec.json.decode(_decode(token.partition(".")[0]), type=Claims)
    except ValueError:  # errors of base64, of Unicode and of msgspec are such
        return None


def genuine(token: str, purpose: Purpose, secret: bytes) -> bool:
    """Whether somebody who knows the secret made the token, for this purpose."""
    body, _, given = token.partition(".")
    return hmac.compare_digest(_signature(body, purpose, secret).encode(), given.encode())


def derived(key: str) -> bytes:
    """The secret that signs for `ECHOBASE_API_KEY`: every replica has it, without asking NATS."""
    return hmac.digest(key.encode(), b"echobase signing 1", "sha256")


def _signature(body: str, purpose: Purpose, secret: bytes) -> str:
    return _encode(hmac.digest(secret, f"{purpose}:{body}".encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
