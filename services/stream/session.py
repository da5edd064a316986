"""`/session`: the key becomes a cookie, since a browser's event stream can send no header.

The cookie is a signed token (`shared.signed`) that any replica can read; what its key may do is
looked up at each request.
"""

from typing import Annotated

from litestar import Request, Response, delete, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct

from services.stream.recordings import Links
from shared.access import Access
from shared.errors import Forbidden, Unauthorized
from shared.http.auth import COOKIE, PUBLIC, address_of
from shared.http.problem import problems
from shared.http.ratelimit import count
from shared.settings import SiteSettings


class Credentials(Struct, frozen=True):
    """What signs in."""

    key: Annotated[str, Meta(description="A key with the scope `read`", max_length=1000)]


_EXAMPLE = Body(examples=[Example(value={"key": "ebk_…"})])


@post(
    "/session",
    status_code=204,
    opt={PUBLIC: True},
    summary="Sign in",
    description="Sets a session cookie, for browsers; programs send the key with each request.",
    tags=["session"],
    responses=problems(400, 401, 403, 429, 503),
)
async def sign_in(
    data: Annotated[Credentials, _EXAMPLE],
    request: Request[object, object, State],
    site: NamedDependency[SiteSettings],
    links: NamedDependency[Links],
    access: NamedDependency[Access],
) -> Response[None]:
    """Set the session's cookie. Raises Unauthorized, Forbidden, TooManyRequests, Unavailable."""
    ring, address = access.ring, address_of(request)
    # Who guesses has no key to be counted by.
    count(access.limiter, f"address {address}", request)
    found = ring.keys.of_key(data.key, ring.now())
    if found is None:
        access.audit.note("sign-in-refused", None, address)
        raise Unauthorized("The key is wrong.", field="key")
    if not found.may(["read"]):
        access.audit.note("sign-in-refused", found, address)
        raise Forbidden("The key may not read.", field="key", limit="a key with the scope read")
    lifetime = access.settings.session
    token, session = ring.keys.begin_session(found, lifetime, ring.now())
    access.audit.note("signed-in", session, address)
    return Response(None, cookies=[_cookie(site, links, token, max_age=int(lifetime))])


@delete(
    "/session",
    status_code=204,
    opt={PUBLIC: True},
    summary="Sign out",
    description="Ends the session on every replica, its event streams included.",
    tags=["session"],
)
async def sign_out(
    request: Request[object, object, State],
    site: NamedDependency[SiteSettings],
    links: NamedDependency[Links],
    access: NamedDependency[Access],
) -> Response[None]:
    """End the session, and remove its cookie."""
    ring = access.ring
    session = ring.keys.of_session(request.cookies.get(COOKIE, ""), ring.now())
    if session is not None:
        await access.keeper.sign_out(session)
        access.audit.note("signed-out", session, address_of(request))
    return Response(None, cookies=[_cookie(site, links, "", max_age=0)])


def _cookie(site: SiteSettings, links: Links, value: str, *, max_age: int) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        path=site.base_path or "/",
        httponly=True,
        samesite="strict",
        # Not by the request: a proxy in front may speak HTTPS, and HTTP to us.
        secure=links.stream.startswith("https:"),
        max_age=max_age,
    )
