"""Which keys there are at a moment, and what a key, a session or a token is worth then.

Nothing here waits or looks at a clock: a moment is given, in seconds since 1970.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from shared import signed
from shared.api_key import KeyRecord, digest
from shared.errors import Unavailable
from shared.keys import ENVIRONMENT, OPEN, SCOPES, Credential
from shared.signed import Claims

Ended = Literal["locked", "revoked", "expired", "signed-out"]
"""Why a credential counts no more; `locked`: there was no key at all, and now there is one."""

_EVERYTHING = Credential(ENVIRONMENT, frozenset(SCOPES))


@dataclass(frozen=True)
class KeySet:
    """The keys, what signs sessions, and the sessions that were signed out of."""

    environment: str = field(default="", repr=False)
    """The key of `ECHOBASE_API_KEY`; empty if there is none."""
    records: Mapping[str, KeyRecord] = field(default_factory=dict[str, KeyRecord])
    """By id; what was revoked or has expired is among them."""
    secret: bytes = field(default=b"", repr=False)
    """Signs for every key but that of the environment; empty if it is not known yet."""
    signed_out: Mapping[str, float] = field(default_factory=dict[str, float])
    """When each of these sessions would have ended by itself."""
    damaged: bool = False
    """Whether there are keys that cannot be read."""

    @property
    def locked(self) -> bool:
        """Whether a key is asked for: as soon as there has been one, for good."""
        return bool(self.environment or self.records or self.damaged)

    def of_key(self, key: str, now: float) -> Credential | None:
        """What a key is worth; None for nothing."""
        found = digest(key)
        if self.environment and hmac.compare_digest(digest(self.environment), found):
            return _EVERYTHING
        # What is looked up is a hash: how long that takes tells nothing of a key.
        record = self._by_digest.get(found)
        return record and self._counting(record.credential(), now)

    def of_session(self, token: str, now: float) -> Credential | None:
        """What a session's cookie is worth; None for nothing."""
        claims = signed.read(token)
        if claims is None or not claims.session:
            return None
        if not signed.genuine(token, "session", self._secret(claims.key)):
            return None
        behind = self._behind(claims)
        return behind and self._counting(replace(behind, session=claims.session), now)

    def of_stream_token(self, token: str, now: float) -> Credential | None:
        """What a stream token is worth; None for nothing."""
        claims = signed.read(token)
        if claims is None or not signed.genuine(token, "stream", self._secret(claims.key)):
            return None
        behind = self._behind(claims)
        return behind and self._counting(
            replace(
                behind,
                scopes=frozenset({"read"}),
                session=claims.session,
                filters=claims.filters,
            ),
            now,
        )

    def begin_session(
        self, behind: Credential, lifetime: float, now: float
    ) -> tuple[str, Credential]:
        """A session's cookie, and what it is worth. Raises Unavailable."""
        session = secrets.token_hex(16)
        claims = Claims(key=behind.key, session=session, expires=_earlier(behind, now + lifetime))
        token = self._sign(claims, "session")
        return token, replace(behind, session=session, expires=claims.expires)

    def stream_token(
        self,
        behind: Credential,
        filters: tuple[tuple[str, str], ...],
        lifetime: float,
        now: float,
    ) -> tuple[str, float]:
        """A stream token, and when it ends. Raises Unavailable."""
        claims = Claims(
            key=behind.key,
            session=behind.session,
            filters=filters,
            expires=_earlier(behind, now + lifetime),
        )
        return self._sign(claims, "stream"), claims.expires

    def ended(self, credential: Credential, now: float) -> Ended | None:
        """Why a credential that once counted does so no more; None if it still does."""
        if credential.session in self.signed_out:
            return "signed-out"
        current = self._of_id(credential.key)
        if current is None:
            return "locked" if credential.key == OPEN.key else "revoked"
        if not current.may(credential.scopes) or current.limits != credential.limits:
            return "revoked"
        expires = [each for each in (credential.expires, current.expires) if each is not None]
        return "expired" if expires and now >= min(expires) else None

    @cached_property
    def _by_digest(self) -> Mapping[str, KeyRecord]:
        return {record.sha256: record for record in self.records.values()}

    def _counting(self, credential: Credential, now: float) -> Credential | None:
        return credential if self.ended(credential, now) is None else None

    def _of_id(self, key: str) -> Credential | None:
        if key == OPEN.key:
            return None if self.locked else OPEN
        if key == ENVIRONMENT:
            return _EVERYTHING if self.environment else None
        record = self.records.get(key)
        return None if record is None or record.revoked else record.credential()

    def _behind(self, claims: Claims) -> Credential | None:
        """The key behind a token, for as long as the token lasts."""
        found = self._of_id(claims.key)
        return found and replace(found, expires=_earlier(found, claims.expires))

    def _secret(self, key: str) -> bytes:
        if key == ENVIRONMENT:
            return signed.derived(self.environment)
        # Without the secret nothing is genuine; nobody can sign with what is not known.
        return self.secret or secrets.token_bytes(32)

    def _sign(self, claims: Claims, purpose: signed.Purpose) -> str:
        if claims.key != ENVIRONMENT and not self.secret:
            raise Unavailable("What signs sessions and tokens is not known yet: NATS is away.")
        return signed.sign(claims, purpose, self._secret(claims.key))


def _earlier(credential: Credential, moment: float) -> float:
    return moment if credential.expires is None else min(moment, credential.expires)
