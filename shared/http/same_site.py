"""Which names a service answers to, and on loopback which pages may call it.

A page of any web site can make a browser send requests to a loopback address, and by DNS rebinding
even read the answers. So a service that is bound to loopback takes requests only for its own names,
and from its own page. Beyond loopback every request proves a key, and the names are those that
`ECHOBASE_HOSTS` allows.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import parse_qs, urlsplit

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from shared.http.auth import TOKEN, TOKENS
from shared.http.problem import ProblemError
from shared.settings import SiteSettings

ANY_HOST = "any_host"
"""A handler with `opt={ANY_HOST: True}` answers under whatever name: health, which a node asks for
by an address."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class SameSite(ASGIMiddleware):
    """Refuses requests for other hosts (421), and on loopback from other sites' pages (403)."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)
    exclude_opt_key = ANY_HOST

    def __init__(
        self, site: SiteSettings, public_urls: Iterable[str], hosts: Iterable[str] = ()
    ) -> None:
        """`public_urls` are those of both services: the page of one calls the other.

        `hosts`: other names that are answered to; beyond loopback any is if there is none.
        """
        urls = [url for url in public_urls if url]
        named = [_host(f"//{name}") for name in hosts]
        self._loopback = is_loopback(site.bind)
        self._active = self._loopback or bool(named)
        self._hosts = {*LOOPBACK, _bracketed(site.bind), *named, *(_host(url) for url in urls)}
        self._origins = set(origins(urls))

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check one request, and pass it on."""
        if self._active:
            headers = Headers.from_scope(scope)
            origin = headers.get("origin") if self._loopback and not _by_token(scope) else None
            self._check(headers.get("host", ""), origin)
        await next_app(scope, receive, send)

    def _check(self, host: str, origin: str | None) -> None:
        if _host(f"//{host}") not in self._hosts:
            raise ProblemError(421, f"This server does not answer for the host {host!r}.")
        if origin is None or origin in self._origins or origin.partition("://")[2] == host:
            return
        raise ProblemError(403, f"Pages of {origin!r} may not call this server.")


def _by_token(scope: Scope) -> bool:
    """Whether a page of anyone's may ask, since it has a stream token to show."""
    opt = cast(Mapping[str, object], scope["route_handler"].opt)
    return bool(opt.get(TOKENS)) and TOKEN in parse_qs(scope["query_string"].decode("latin-1"))


def origins(urls: Iterable[str]) -> list[str]:
    """The origins of URLs, each loopback one under every name that loopback has.

    For `SameSite` and for CORS: a page that was opened at 127.0.0.1 is the one at localhost.
    """
    found: dict[str, None] = {}
    for url in urls:
        parts = urlsplit(url)
        host = _host(url)
        port = f":{parts.port}" if parts.port else ""
        for name in LOOPBACK if host in LOOPBACK else (host,):
            found[f"{parts.scheme}://{name}{port}"] = None
    return list(found)


def is_loopback(bind: str) -> bool:
    """Whether an address to bind to is reached from this machine alone."""
    if bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    try:
        return _bracketed(urlsplit(url).hostname or "")
    except ValueError:  # such as an open bracket without its end
        return ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
