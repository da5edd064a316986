"""The scopes of every route, written into its OpenAPI description."""

from litestar.handlers import HTTPRouteHandler
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from shared.http.auth import KEY_INSIDE, TOKENS, scopes_of
from shared.http.problem import problems
from shared.http.ratelimit import UNLIMITED


class ScopesDocumented(ReceiveRoutePlugin):
    """For `Litestar(plugins=…)`: each operation's `security` names the scopes that it asks for.

    OpenAPI 3.1 lets any scheme list the roles that are needed. A public operation lists the empty
    requirement: nothing is asked for.
    """

    def receive_route(self, route: BaseRoute) -> None:
        """Describe the handlers of a route."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                _describe(handler)


def _describe(handler: HTTPRouteHandler) -> None:
    scopes = scopes_of(handler)
    if scopes is None:
        handler.security = [{}]
        return
    if handler.opt.get(KEY_INSIDE):
        # Neither is needed if the body has it, and errors are in words of the callers' own.
        named = [{scheme: [str(scope) for scope in scopes]} for scheme in ("key", "bearer")]
        handler.security = [*named, {}]
        return
    schemes = ["key", "bearer", "session", *(["token"] if handler.opt.get(TOKENS) else [])]
    handler.security = [{scheme: [str(scope) for scope in scopes]} for scheme in schemes]
    limited = () if handler.opt.get(UNLIMITED) else (429,)
    handler.responses = {**problems(401, 403, *limited), **(handler.responses or {})}
