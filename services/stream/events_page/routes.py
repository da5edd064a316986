"""The routes of the page and of the document."""

from functools import cache

from litestar import Response, get

from services.stream.events_page.page import policy, render
from shared.asyncapi import document
from shared.asyncapi.text import to_yaml
from shared.http.auth import PUBLIC


@cache
def _texts() -> tuple[str, str]:
    """The page and the document; neither changes while the service runs."""
    return render(document()), to_yaml(document())


@get("/docs/events", include_in_schema=False, opt={PUBLIC: True}, sync_to_thread=True)
def events_page() -> Response[str]:
    """Answer with the page."""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(_texts()[0], media_type="text/html", headers=headers)


@get("/docs/asyncapi.yaml", include_in_schema=False, opt={PUBLIC: True}, sync_to_thread=True)
def asyncapi_yaml() -> Response[str]:
    """Answer with the document."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(_texts()[1], media_type="application/yaml; charset=utf-8", headers=headers)
