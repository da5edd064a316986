"""Which service answers which route, as data: the design's table. A new route is a line here.

On k3s all of it is one host; Traefik chooses the service by path and method. `base/routes.yaml` is
made from this (`python -m deploy.k3s.renew`), and a test compares it with what the services say
of themselves by OpenAPI.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.k3s.secrets import TLS

Service = Literal["ingest", "stream"]
PORTS: dict[Service, int] = {"ingest": 3001, "stream": 3000}


@dataclass(frozen=True)
class Route:
    """Paths with the methods by which they are called.

    In a path `{name}` stands for one part, and `*` at its end for anything.
    """

    service: Service
    methods: tuple[str, ...]
    path: str

    @property
    def match(self) -> str:
        """The rule, in the language of Traefik 3."""
        methods = (*self.methods, "HEAD") if "GET" in self.methods else self.methods
        asked = " || ".join(f"Method(`{method}`)" for method in methods)
        return f"({asked}) && {self._place}" if len(methods) > 1 else f"{asked} && {self._place}"

    @property
    def _place(self) -> str:
        if "{" not in self.path:
            if self.path.endswith("*"):
                return f"PathPrefix(`{self.path[:-1]}`)"
            return f"Path(`{self.path}`)"
        pattern = re.sub(r"\{[a-zA-Z_]+\}", "[^/]+", self.path.replace(".", "[.]"))
        return f"PathRegexp(`^{pattern.replace('*', '.*')}$`)"


def _routes(service: Service, *rows: str) -> Iterator[Route]:
    for row in rows:
        methods, _, path = row.partition(" ")
        yield Route(service, tuple(methods.split("|")), path)


ROUTES: tuple[Route, ...] = (
    *_routes(
        "ingest",
        "POST /v1/recordings",
        "DELETE /v1/recordings/{id}",
        "GET|PUT|DELETE /v1/recordings/{id}/hold",
        "POST /v1/recordings/{id}/versions",
        "GET /v1/spool",
        "GET /v1/spool/{id}",
        "POST /v1/spool/refused/{id}/retry",
        "DELETE /v1/spool/refused/{id}",
        "GET|PUT|DELETE /v1/channels/*",
        "GET|POST /v1/audio/*",
        "GET /v1/models",
        "GET /v1/models/*",
        "POST /api/call-upload",
        "POST /api/trunk-recorder-call-upload",
        "GET|POST /openmhz/{shortName}/*",
        "GET /ingest/docs",
        "GET /ingest/docs/*",
        "GET /ingest/openapi.json",
    ),
    *_routes(
        "stream",
        "GET /",
        "GET /page/{name}",
        "GET /v1/recordings",
        "GET /v1/channels",
        "GET /v1/recordings/{id}",
        "GET /v1/recordings/{id}/versions",
        "GET /v1/recordings/{id}/transcript.json",
        "GET /v1/recordings/{id}/transcript.txt",
        "GET /v1/recordings/{id}/transcript.srt",
        "GET /v1/recordings/{id}/transcript.vtt",
        "GET /v1/recordings/{id}/transcript.tsv",
        "PATCH /v1/recordings/{id}/transcript",
        "GET /v1/recordings/{id}/audio",
        "GET /v1/events",
        "GET /v1/subjects/{subject}/events",
        "GET /v1/status",
        "GET /v1/stats/*",
        "POST|DELETE /session",
        "POST /v1/stream-tokens",
        "GET /docs",
        "GET /docs/*",
        "GET /openapi.json",
    ),
)


def ingress() -> dict[str, object]:
    """The IngressRoute of the one host."""
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "echobase"},
        "spec": {
            "entryPoints": ["websecure"],
            # No middleware: `compress` and `buffering` would hold back events and uploads.
            "routes": [
                {
                    "kind": "Rule",
                    "match": route.match,
                    "services": [{"name": route.service, "port": PORTS[route.service]}],
                }
                for route in ROUTES
            ],
            "tls": {"secretName": TLS.name, "options": {"name": "echobase"}},
        },
    }
