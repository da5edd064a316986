"""The page: files that lie beside the code, served with an ETag and under a strict policy."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from shared.http.auth import PUBLIC
from shared.http.problem import ProblemError

_FOLDER = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    content: bytes
    media_type: str
    etag: str


class Page:
    """The page's files, read once, and the headers that go with each."""

    def __init__(self, ingest_origins: Sequence[str]) -> None:
        """`ingest_origins`: where the page may upload to, beside its own origin."""
        self._files = read_page()
        self._headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy(ingest_origins),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }

    def answer(self, name: str, known: str | None) -> Response[bytes]:
        """A file, or 304 if `known` is its ETag. Raises ProblemError (404)."""
        if not (file := self._files.get(name)):
            raise ProblemError(404, f"The page has no file {name!r}.")
        headers: Mapping[str, str] = {**self._headers, "ETag": file.etag}
        if known and file.etag in (tag.strip() for tag in known.split(",")):
            return Response(b"", status_code=304, headers=headers)
        return Response(file.content, status_code=200, media_type=file.media_type, headers=headers)


def read_page() -> Mapping[str, PageFile]:
    """The page's files, by name."""
    return {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def policy(ingest_origins: Sequence[str]) -> str:
    """The Content-Security-Policy: our own files only, and uploads to ingest."""
    # The policy's grammar has no IPv6 addresses: browsers refuse one.
    named = [origin for origin in ingest_origins if "[" not in origin]
    uploads = " ".join(("'self'", *named))
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src {uploads}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return PageFile(content, _TYPES[path.suffix], etag)


@get("/", include_in_schema=False, opt={PUBLIC: True})
async def index(
    request: Request[object, object, State], page: NamedDependency[Page]
) -> Response[bytes] | Redirect:
    """Answer with the page."""
    # Its addresses are relative, so that it works below any path; that needs the slash.
    # Litestar's own path has lost it already.
    asked = request.scope["raw_path"].decode("ascii").partition("?")[0]
    if not asked.endswith("/"):
        return Redirect(f"{asked}/")
    return page.answer("index.html", request.headers.get("if-none-match"))


@get("/page/{name:str}", include_in_schema=False, opt={PUBLIC: True})
async def page_file(
    request: Request[object, object, State], name: FromPath[str], page: NamedDependency[Page]
) -> Response[bytes]:
    """Answer with a file of the page."""
    return page.answer(name, request.headers.get("if-none-match"))
