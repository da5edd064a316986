"""`/session`: the key becomes a cookie, since a browser's event stream can send no header."""

from typing import Annotated

from litestar import Request, Response, delete, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from shared.errors import Unauthorized
from shared.http.auth import COOKIE, PUBLIC, matches, session_token
from shared.http.problem import problems
from shared.settings import SiteSettings


class Credentials(Struct, frozen=True):
    """What signs in."""

    key: Annotated[str, Meta(description="The service's key", max_length=1000)]


@post(
    "/session",
    status_code=204,
    opt={PUBLIC: True},
    summary="Sign in",
    description="Sets a session cookie, for browsers; programs send the key with each request.",
    tags=["session"],
    responses=problems(400, 401),
)
async def sign_in(
    data: JSONBody[Credentials],
    request: Request[object, object, State],
    site: NamedDependency[SiteSettings],
) -> Response[None]:
    """Set the session's cookie. Raises Unauthorized."""
    if not site.api_key or not matches(site.api_key, data.key):
        raise Unauthorized("The key is wrong.", field="key")
    value = session_token(site.api_key)
    return Response(None, cookies=[_cookie(site, value, secure=request.url.scheme == "https")])


@delete("/session", status_code=204, opt={PUBLIC: True}, summary="Sign out", tags=["session"])
async def sign_out(
    request: Request[object, object, State], site: NamedDependency[SiteSettings]
) -> Response[None]:
    """Remove the session's cookie."""
    secure = request.url.scheme == "https"
    return Response(None, cookies=[_cookie(site, "", secure=secure, max_age=0)])


def _cookie(site: SiteSettings, value: str, *, secure: bool, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        path=site.base_path or "/",
        httponly=True,
        samesite="strict",
        secure=secure,
        max_age=max_age,
    )
