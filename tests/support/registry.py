"""A registry that keeps what is pushed to it in memory: the part of the protocol in use."""

import hashlib
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class Registry:
    """What was pushed, and how."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    manifests: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[str] = field(default_factory=list[str])


class _Handler(BaseHTTPRequestHandler):
    kept: Registry

    def do_HEAD(self) -> None:
        self.kept.requests.append("HEAD")
        self._answer(200 if self.path.rpartition("/")[2] in self.kept.blobs else 404)

    def do_POST(self) -> None:
        self.kept.requests.append("POST")
        self._answer(202, f"{self.path}{uuid.uuid4()}?state=1")

    def do_PUT(self) -> None:
        self.kept.requests.append("PUT")
        content = self.rfile.read(int(self.headers["Content-Length"]))
        parts = urlsplit(self.path)
        if "/manifests/" in parts.path:
            self.kept.manifests[parts.path] = content
            self._answer(201)
            return
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        good = parse_qs(parts.query) == {"state": ["1"], "digest": [digest]}
        if good:
            self.kept.blobs[digest] = content
        self._answer(201 if good else 400)

    def _answer(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def registry() -> Generator[Registry]:
    """A registry on a free port."""
    kept = Registry()

    class Handler(_Handler):
        pass

    Handler.kept = kept
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
