"""Every route by every scope and channel: what is documented, and what happens."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
import msgspec
from msgspec import Struct

from shared.keys import SCOPES, Scope

Kind = Literal["public", "free", "one", "list", "upload", "call"]
"""What a route has to do with channels.

    public   nobody is asked for a key
    free     nothing that belongs to a channel
    one      one recording: beyond the limits it is as unknown as one that is not there
    list     recordings or events: what is beyond the limits is left out
    upload   a recording for a channel: beyond the limits it is refused
    call     the same in the words of another server, which has but one answer to a key
"""
Outcome = Literal["answered", "unauthorized", "forbidden", "unknown", "too many"]


@dataclass(frozen=True)
class Operation:
    """A route as OpenAPI describes it."""

    name: str
    """Method and path, such as `GET /v1/recordings`."""
    scopes: tuple[str, ...] | None
    """The scopes that it asks for; None if it is public, empty if that is not documented."""


@dataclass(frozen=True)
class Caller:
    """A key, and what it has."""

    key: str
    scope: Scope | None
    """None for somebody without a key."""
    limited: bool

    def __str__(self) -> str:
        return f"{self.scope or 'nobody'}{' with limits' if self.limited else ''}"


@dataclass(frozen=True)
class Probe:
    """How a route is tried."""

    kind: Kind
    ask: Callable[[str, str, Mapping[str, str]], Awaitable[httpx.Response]]
    """Called with source, channel and headers; makes a recording of theirs if it needs one."""


class _Described(Struct):
    security: list[dict[str, list[str]]] = []


class _Description(Struct):
    paths: dict[str, dict[str, _Described]]


def operations(description: bytes) -> list[Operation]:
    """The routes of an OpenAPI description."""
    paths = msgspec.json.decode(description, type=_Description).paths
    return [
        Operation(f"{method.upper()} {path}", _scopes(operation))
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


def _scopes(operation: _Described) -> tuple[str, ...] | None:
    if operation.security == [{}]:
        return None
    return tuple(operation.security[0].get("key", ())) if operation.security else ()


def undocumented(found: list[Operation], known: Mapping[str, Kind]) -> list[str]:
    """What is wrong with the documentation: each route must say its scopes, and be tried here."""
    faults = [f"{each.name} is not tried" for each in found if each.name not in known]
    names = {each.name for each in found}
    faults += [f"{name} is no route" for name in known if name not in names]
    for each in found:
        if known.get(each.name, "public") == "public":
            if each.scopes is not None and each.name in known:
                faults.append(f"{each.name} is said to be public, and asks for a key")
        elif not each.scopes or not set(each.scopes) <= set(SCOPES):
            faults.append(f"{each.name} does not say which scopes it asks for: {each.scopes}")
    return faults


def expected(operation: Operation, kind: Kind, caller: Caller, own: bool) -> Outcome:
    """What the documentation says of a call."""
    if kind == "call":
        refused = expected(operation, "upload", caller, own) != "answered"
        return "unauthorized" if refused else "answered"
    if kind == "public":
        return "answered"
    if caller.scope is None:
        return "unauthorized"
    if caller.scope != "admin" and set(operation.scopes or ()) != {caller.scope}:
        return "forbidden"
    if caller.limited and not own:
        beyond: Mapping[Kind, Outcome] = {"one": "unknown", "upload": "forbidden"}
        return beyond.get(kind, "answered")
    return "answered"


def outcome(status: int) -> Outcome:
    """What came of a call."""
    found: Mapping[int, Outcome] = {
        401: "unauthorized",
        403: "forbidden",
        404: "unknown",
        429: "too many",
    }
    assert status < 500, status
    return found.get(status, "answered")
