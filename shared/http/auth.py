"""Who may call: a key, a session's cookie or a stream token, and what it opens.

A route says by `opt=require("read")` which scopes a key must have. Programs send the key as
`X-API-Key` or as a Bearer token, the page its session's cookie; the query's `token` counts only
where a route says `opt={TOKENS: True}`.

    no key exists          everybody may do everything (a service then listens on loopback alone)
    401 unauthorized       nothing was proved
    403 forbidden          the key lacks a scope, or a page of another site used the cookie
    429 too-many-requests  see `shared.http.ratelimit`
"""

from collections.abc import Iterable
from typing import TypeVar, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import Headers, State
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import HTTPScope

from shared.errors import Forbidden, Unauthorized
from shared.http.ratelimit import UNLIMITED, count
from shared.key_ring import KeyRing
from shared.keys import OPEN, Credential, Scope
from shared.rate import Limiter

COOKIE = "echobase_session"
PUBLIC = "public"
"""A handler with `opt={PUBLIC: True}` needs no key."""
TOKENS = "tokens"
"""A handler with `opt={TOKENS: True}` takes a stream token in its query."""
KEY_INSIDE = "key_inside"
"""A handler with `opt={KEY_INSIDE: True}` is for programs that send the key in the body: it asks
`Gate.admit`, and takes no session."""
TOKEN = "token"  # noqa: S105 - the name of the parameter
_SCOPES = "scopes"
_CREDENTIAL = "echobase_credential"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = TypeVar("Handler")
Connection = ASGIConnection[BaseRouteHandler, object, object, State]


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
    """What the request has proved."""
    return cast(Credential, connection.scope["state"].get(_CREDENTIAL, OPEN))


def address_of(connection: ASGIConnection[Handler, object, object, State]) -> str:
    """Where a request came from, for the audit log; empty if that is not known."""
    return connection.client.host if connection.client else ""


def give_credential() -> Provide:
    """For an application's dependency `credential`: what the request has proved."""

    def credential(request: Connection) -> Credential:
        return credential_of(request)

    return Provide(credential, sync_to_thread=False)


class Gate:
    """The guard of every route of a service."""

    def __init__(self, ring: KeyRing, limiter: Limiter, pages: Iterable[str]) -> None:
        """`pages`: origins of our own page, which may use its session's cookie to change things."""
        self._ring = ring
        self._limiter = limiter
        self._pages = frozenset(pages)

    async def guard(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let a request in, or raise Unauthorized, Forbidden, TooManyRequests.

        A coroutine, though it waits for nothing: Litestar has a thread run what is none.
        """
        scopes = scopes_of(handler)
        if scopes is None or handler.opt.get(KEY_INSIDE):
            return
        credential = self._proved(connection, handler)
        if credential is None:
            raise Unauthorized("The key is missing or wrong.", field="X-API-Key")
        connection.scope["state"][_CREDENTIAL] = credential
        if credential is OPEN:
            return
        if not handler.opt.get(UNLIMITED):
            count(self._limiter, credential.session or credential.key, connection)
        self._check_page(connection, credential)
        check_scopes(credential, scopes)

    def admit(self, headers: Headers, key: str, scopes: Iterable[Scope]) -> Credential:
        """What the key in a body proves, or else that in the headers; raises as `guard` does."""
        keys, now = self._ring.keys, self._ring.now()
        if not keys.locked:
            return OPEN
        for given in (key, key_of(headers)):
            if given and (credential := keys.of_key(given, now)):
                check_scopes(credential, scopes)
                return credential
        raise Unauthorized("The key is missing or wrong.", field="key")

    def _proved(self, connection: Connection, handler: BaseRouteHandler) -> Credential | None:
        keys, now = self._ring.keys, self._ring.now()
        if not keys.locked:
            return OPEN
        if key := key_of(connection.headers):
            return keys.of_key(key, now)
        if handler.opt.get(TOKENS) and (token := connection.query_params.get(TOKEN)):
            return keys.of_stream_token(token, now)
        return keys.of_session(connection.cookies.get(COOKIE, ""), now)

    def _check_page(self, connection: Connection, credential: Credential) -> None:
        """A cookie is sent along by whatever page asks: only our own may change things with it."""
        if not credential.session or cast(HTTPScope, connection.scope)["method"] in _SAFE:
            return
        headers = connection.headers
        if headers.get("sec-fetch-site") == "same-origin" or headers.get("origin") in self._pages:
            return
        raise Forbidden(
            "Only EchoBase's own page may do this with its session: send the key instead.",
            field="Origin",
        )


def check_scopes(credential: Credential, scopes: Iterable[Scope]) -> None:
    """Raises Forbidden unless the credential has every one of the scopes."""
    if not credential.may(scopes):
        raise Forbidden(
            f"The key lacks the scope {' and '.join(scopes)}.",
            field="X-API-Key",
            limit=", ".join(sorted(credential.scopes)),
        )


def key_of(headers: Headers) -> str:
    """The key that a request's headers hold; empty if they hold none."""
    if key := headers.get("x-api-key", ""):
        return _utf8(key)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return _utf8(token.strip()) if scheme.lower() == "bearer" else ""


def security_components() -> Components:
    """How what proves who calls is documented in OpenAPI."""
    return Components(
        security_schemes={
            "key": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
            "bearer": SecurityScheme(type="http", scheme="bearer"),
            "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie"),
            "token": SecurityScheme(
                type="apiKey",
                name=TOKEN,
                security_scheme_in="query",
                description="A stream token, of `POST /v1/stream-tokens`",
            ),
        }
    )


def _utf8(header: str) -> str:
    # ASGI servers hand headers on as Latin-1, while programs send them as UTF-8.
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
