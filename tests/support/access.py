"""Who may do what, for tests of one part: keys without a bus, and a guard for an application."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.api_key import KeyRecord, digest, new_key
from shared.http.auth import Gate
from shared.key_ring import KeyRing
from shared.key_set import KeySet
from shared.keys import Limit, Scope
from shared.rate import Limiter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def gate(key: str = "", pages: Iterable[str] = (), limiter: Limiter | None = None) -> Gate:
    """A guard that knows `ECHOBASE_API_KEY` alone."""
    return Gate(KeyRing(KeySet(key)), limiter or Limiter(None), pages)


def made(
    *scopes: Scope,
    id: str = "0a1b2c3d",
    limits: tuple[Limit, ...] = (),
    expires: datetime | None = None,
    revoked: datetime | None = None,
) -> tuple[str, KeyRecord]:
    """A fresh key, and its record."""
    key = new_key()
    record = KeyRecord(
        id=id,
        name="a test's",
        sha256=digest(key),
        scopes=scopes,
        limits=limits,
        created=NOON,
        expires=expires,
        revoked=revoked,
    )
    return key, record
