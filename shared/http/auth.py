"""Who may call: the key, and what it opens.

A route says by `opt=require("read")` which scopes a key must have.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import Headers, State
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Components, SecurityScheme

from shared.errors import Forbidden, Unauthorized
from shared.keys import ENVIRONMENT, OPEN, SCOPES, Credential, Scope

COOKIE = "echobase_session"
PUBLIC = "public"
"""A handler with `opt={PUBLIC: True}` needs no key."""
_SCOPES = "scopes"
_CREDENTIAL = "echobase_credential"

Handler = TypeVar("Handler")
Connection = ASGIConnection[BaseRouteHandler, object, object, State]
Guard = Callable[[Connection, BaseRouteHandler], None]


def require(*scopes: Scope) -> dict[str, object]:
    """For a handler's `opt=`: the scopes that a key must have, all of them, to call it.

    A handler that is not public and says nothing asks for `admin`.
    """
    return {_SCOPES: scopes}


def scopes_of(handler: BaseRouteHandler) -> tuple[Scope, ...] | None:
    """The scopes that a handler asks for; None if it is public."""
    if handler.opt.get(PUBLIC):
        return None
    return handler.opt.get(_SCOPES, ("admin",))


def credential_of(connection: ASGIConnection[Handler, object, object, State]) -> Credential:
    """What the request has proved; for a handler's dependency `credential`."""
    found = connection.scope["state"].get(_CREDENTIAL, OPEN)
    return cast(Credential, found)


def session_token(key: str) -> str:
    """The value of the session cookie: proves the key without holding it."""
    return hmac.new(key.encode(), b"echobase session 1", hashlib.sha256).hexdigest()


def require_key(key: str) -> Guard:
    """A guard that asks for the key in `X-API-Key`, as a Bearer token or as the session cookie.

    Without a key (an empty one) nothing is asked for. Raises Unauthorized.
    """

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        scopes = scopes_of(handler)
        if not key or scopes is None:
            return
        if not authorised(key, connection.headers, connection.cookies.get(COOKIE, "")):
            raise Unauthorized("The key is missing or wrong.", field="X-API-Key")
        credential = Credential(ENVIRONMENT, frozenset(SCOPES))
        connection.scope["state"][_CREDENTIAL] = credential
        check_scopes(credential, scopes)

    return guard


def check_scopes(credential: Credential, scopes: Iterable[Scope]) -> None:
    """Raises Forbidden unless the credential has every one of the scopes."""
    if not credential.may(scopes):
        raise Forbidden(
            f"The key lacks the scope {' and '.join(scopes)}.",
            field="X-API-Key",
            limit=", ".join(sorted(credential.scopes)),
        )


def authorised(key: str, headers: Headers, cookie: str = "") -> bool:
    """Whether a request's headers or its session cookie prove the key."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return (
        matches(key, _utf8(headers.get("x-api-key", "")))
        or matches(key, _utf8(bearer))
        or matches(session_token(key), cookie)
    )


def matches(expected: str, given: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _utf8(header: str) -> str:
    # ASGI servers hand headers on as Latin-1, while programs send them as UTF-8.
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def security_components() -> Components:
    """How the key is documented in OpenAPI."""
    return Components(
        security_schemes={
            "key": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
            "bearer": SecurityScheme(type="http", scheme="bearer"),
        }
    )
