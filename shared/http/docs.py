"""The API's documentation: OpenAPI and Swagger UI, whose files come with the package.

Nothing is fetched from elsewhere, so that it works with no internet; the page's security policy
holds the browser to that.
"""

from importlib.metadata import version
from pathlib import Path

import msgspec
from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin

from shared.http import problem
from shared.http.auth import PUBLIC, security_components
from shared.http.openapi import finished

_FOLDER = Path(__file__).parent / "swagger_ui"
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    # Swagger UI sets style attributes.
    " style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root}swagger-ui-bundle.js"></script>
<script src="{root}start.js"></script>
</body>
</html>
"""


def openapi_config(title: str, description: str, prefix: str = "") -> OpenAPIConfig:
    """For `Litestar(openapi_config=…)`: the description, and its page at `<prefix>/docs`.

    Add `openapi_json(prefix)` to the routes. Neither asks for the key.
    """
    return OpenAPIConfig(
        title=title,
        description=description,
        version=version("echobase"),
        components=security_components(),
        security=[{"key": []}, {"bearer": []}],
        use_handler_docstrings=True,
        openapi_router=Router(
            f"{prefix}/docs",
            route_handlers=[],
            include_in_schema=False,
            opt={PUBLIC: True},
            after_request=_finish,
        ),
        render_plugins=[_SwaggerUi(title), _Finished()],
    )


def openapi_json(prefix: str = "") -> HTTPRouteHandler:
    """The route `<prefix>/openapi.json`."""

    @get(
        f"{prefix}/openapi.json",
        media_type=OpenAPIMediaType.OPENAPI_JSON,
        include_in_schema=False,
        opt={PUBLIC: True},
        sync_to_thread=False,
    )
    def schema(request: Request[object, object, State]) -> dict[str, object]:
        return finished(request.app.openapi_schema.to_schema())

    return schema


class _Finished(JsonRenderPlugin):
    """The description beside the page, which reads it."""

    def render(
        self,
        request: Request[object, object, State],  # noqa: ARG002 - Litestar's signature
        openapi_schema: dict[str, object],
    ) -> bytes:
        """The same as `openapi_json` gives."""
        return msgspec.json.encode(finished(openapi_schema))


class _SwaggerUi(OpenAPIRenderPlugin):
    """Swagger UI from our own files: Litestar's plugins load theirs from a CDN."""

    def __init__(self, title: str) -> None:
        super().__init__(path="/")
        self._title = title

    def render(
        self,
        request: Request[object, object, State],
        openapi_schema: dict[str, object],  # noqa: ARG002 - Litestar's signature
    ) -> bytes:
        """The page; its references are relative, so that any path may stand before it."""
        # The raw path, since Litestar takes the last slash off the other one.
        root = "" if request.scope["raw_path"].endswith(b"/") else "docs/"
        return _PAGE.format(title=self._title, root=root).encode()

    def receive_router(self, router: Router) -> None:
        """Add the files that the page refers to."""
        for name, media_type in _ASSETS.items():
            router.register(_asset(name, media_type))


def _asset(name: str, media_type: str) -> HTTPRouteHandler:
    @get(f"/{name}", media_type=media_type, sync_to_thread=True)
    def asset() -> Response[bytes]:
        return Response((_FOLDER / name).read_bytes(), headers={"Cache-Control": "max-age=3600"})

    return asset


def _finish(response: Response[object]) -> Response[object] | Response[problem.Problem]:
    # Litestar registers a 404 page of its own below the documentation's path.
    if response.status_code == 404:
        return problem.response(problem.problem_of(NotFoundException())[0])
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
