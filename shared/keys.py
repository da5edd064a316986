"""Who may do what: scopes, limits to sources and channels, and the credential that holds them.

    allowed(credential, source, channel)    one recording: may it be seen, sent, changed?
    credential.limits                       the same as a set, for queries and filters

A scope says what may be done, a limit with whose recordings. `admin` includes the other two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

Scope = Literal["ingest", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
SCOPE_MEANING: Mapping[Scope, str] = {
    "ingest": "send recordings, ask for versions, see where they are",
    "read": "events, recordings, transcripts, audio, the page",
    "admin": "everything, deletion and what was refused included",
}

LONGEST_PATTERN = 200
"""Characters of a limit's source or channel."""


class Limit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Recordings of matching sources and channels; `*` stands for any run of characters."""

    source: Annotated[str, Meta(min_length=1, max_length=LONGEST_PATTERN)] = "*"
    channel: Annotated[str, Meta(min_length=1, max_length=LONGEST_PATTERN)] = "*"

    def holds(self, source: str, channel: str) -> bool:
        """Whether a recording of these real names is within the limit."""
        return matches(self.source, source) and matches(self.channel, channel)


@dataclass(frozen=True)
class Credential:
    """What a request has proved, and until when that counts."""

    key: str
    """Id of the key that stands behind it."""
    scopes: frozenset[Scope]
    limits: tuple[Limit, ...] = ()
    """What it reaches: recordings within any of them; every recording if there is none."""
    session: str = ""
    """Id of the page's session, if it came by one."""
    expires: float | None = None
    """Seconds since 1970 from which on it counts no more; None for never."""
    filters: tuple[tuple[str, str], ...] | None = None
    """What a stream token opens: the events that these filters want, names and values, and nothing
    else. None if it is no stream token."""

    def may(self, scopes: Iterable[Scope]) -> bool:
        """Whether it has every one of these scopes."""
        return "admin" in self.scopes or self.scopes.issuperset(scopes)


ENVIRONMENT = "environment"
"""Id of the key that `ECHOBASE_API_KEY` holds."""
OPEN = Credential("open", frozenset(SCOPES))
"""What everybody has as long as there is no key at all."""


def allowed(credential: Credential, source: str, channel: str) -> bool:
    """Whether a credential reaches the recordings of a source's channel, by their real names."""
    return not credential.limits or any(limit.holds(source, channel) for limit in credential.limits)


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern, in which `*` stands for any run of characters, is that of a name."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == first
    *middle, last = rest
    at = len(first)
    for piece in middle:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return name.startswith(first) and name.endswith(last) and len(name) - at >= len(last)
