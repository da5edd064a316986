"""The routes of the two HTTP services, by their handlers."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from types import ModuleType

from litestar.handlers import HTTPRouteHandler

import services.ingest
import services.stream
from deploy.k3s.routes import Service
from shared.http.docs import openapi_json

_PACKAGES: Mapping[Service, ModuleType] = {
    "ingest": services.ingest,
    "stream": services.stream,
}
_PREFIX: Mapping[Service, str] = {"ingest": "/ingest", "stream": ""}
"""Of each service's documentation."""


def served_by() -> dict[Service, set[tuple[str, str]]]:
    """Method and a path of every route of each service; `x` stands for what a path names."""
    return {service: set(_routes(service, package)) for service, package in _PACKAGES.items()}


def _routes(service: Service, package: ModuleType) -> Iterator[tuple[str, str]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, HTTPRouteHandler):
                    yield from _of(found)
    yield from _of(openapi_json(_PREFIX[service]))
    yield "GET", f"{_PREFIX[service]}/docs"


def _of(handler: HTTPRouteHandler) -> Iterator[tuple[str, str]]:
    for path in handler.paths:
        for method in handler.http_methods:
            yield str(method), re.sub(r"{[^}]+}", "x", path)
