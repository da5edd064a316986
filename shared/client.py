"""A client of EchoBase's own HTTP API, for the commands and the tests."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
import msgspec
from msgspec import Struct

from shared.errors import EchoBaseError
from shared.messages import EVENT_TYPES, Event, Transcript, decode_event
from shared.stack import Addresses

if TYPE_CHECKING:
    from httpx_sse import ServerSentEvent

T = TypeVar("T")
Progress = Callable[[int], None]
"""Called with the number of bytes that have just been sent; a negative one, if in vain."""

_BLOCK = 64 * 1024
_SILENCE = 60.0
"""Seconds without a byte, four heartbeats, after which an event stream counts as dead."""
_LATER = 5.0
"""Seconds after which a call that came too soon is made again, if the answer does not say."""
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Refused(EchoBaseError):
    """A service refused a request."""

    code = "refused"

    def __init__(self, message: str, *, status: int, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Unreachable(EchoBaseError):
    """No service answers at the address."""

    code = "unreachable"


class Accepted(Struct, frozen=True, kw_only=True):
    """What ingest answers to an upload."""

    id: str
    version: int | None
    status: str
    events: str
    transcript: str


class Gap(Struct, frozen=True):
    """Events may be missing here."""

    reason: str


class _Problem(Struct):
    title: str = ""
    detail: str = ""
    field: str | None = None


class Client:
    """A client for the length of an `async with`."""

    def __init__(self, addresses: Addresses) -> None:
        self._stream = addresses.stream.rstrip("/")
        self._ingest = addresses.ingest.rstrip("/")
        # As bytes: httpx refuses text beyond ASCII.
        headers = {b"X-API-Key": addresses.key.encode()} if addresses.key else {}
        # Proxies are for the way out: the stack is here or on the site.
        self._http = httpx.AsyncClient(
            headers=headers, timeout=httpx.Timeout(30.0, read=120.0), trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def upload(
        self,
        path: Path,
        fields: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> Accepted:
        """Send an audio file; `fields` are those of `POST /v1/recordings`.

        Raises Refused, Unreachable, OSError.
        """
        size = await asyncio.to_thread(_size, path)
        response = await self._request(
            "POST",
            f"{self._ingest}/v1/recordings",
            params={"filename": path.name, **(fields or {})},
            headers={
                "Content-Length": str(size),
                "Content-Type": "application/octet-stream",
            },
            content=_Body(path, progress or _ignore),
        )
        return msgspec.json.decode(response.content, type=Accepted)

    async def transcript(self, recording: str, version: int | None = None) -> Transcript:
        """A version's transcript, the newest one's if None. Raises Refused, Unreachable."""
        response = await self._request(
            "GET",
            f"{self._stream}/v1/recordings/{recording}/transcript.json",
            params={} if version is None else {"version": str(version)},
        )
        return msgspec.json.decode(response.content, type=Transcript)

    async def get_json(self, url: str, kind: type[T]) -> T:
        """Any JSON answer; a path is one of stream's. Raises Refused, Unreachable."""
        response = await self._request("GET", url if "://" in url else f"{self._stream}{url}")
        return msgspec.json.decode(response.content, type=kind)

    async def ingest(self, method: str, path: str, kind: type[T], body: Struct | None = None) -> T:
        """The JSON answer of one of ingest's routes; an empty one is null.

        Raises Refused, Unreachable.
        """
        response = await self._request(
            method,
            f"{self._ingest}{path}",
            headers={} if body is None else {"Content-Type": "application/json"},
            content=None if body is None else msgspec.json.encode(body),
        )
        return msgspec.json.decode(response.content or b"null", type=kind)

    async def follow(
        self, filters: Mapping[str, list[str]], last_id: str | None = None
    ) -> AsyncGenerator[Event | Gap]:
        """Events as they come, for ever: a connection that ends is made again where it ended.

        `filters`: any of `recording`, `source`, `channel` and `type`. Raises Refused if the
        request can never succeed.
        """
        failures = 0
        while True:
            try:
                async with self._events(filters, last_id) as events:
                    async for received in events:
                        failures = 0
                        last_id = received.id or last_id
                        if (event := _event(received)) is not None:
                            yield event
            except Refused as refusal:
                if refusal.status not in _TRANSIENT:
                    raise
            except httpx.TransportError:  # what is no event stream, too
                pass
            # Jittered, so that many readers do not come back at the same instant.
            await asyncio.sleep(_wait(failures))
            failures = min(failures + 1, 10)

    @asynccontextmanager
    async def _events(
        self, filters: Mapping[str, list[str]], last_id: str | None
    ) -> AsyncGenerator[AsyncIterator["ServerSentEvent"]]:
        try:
            # Only who follows events needs it: the other commands of an image do without.
            from httpx_sse import aconnect_sse
        except ModuleNotFoundError:
            raise EchoBaseError(
                "Following events needs httpx-sse: pip install 'echobase[local]'"
            ) from None

        async with aconnect_sse(
            self._http,
            "GET",
            f"{self._stream}/v1/events",
            params=dict(filters),
            headers={"Last-Event-ID": last_id} if last_id else {},
            timeout=httpx.Timeout(30.0, read=_SILENCE),
        ) as source:
            if not source.response.is_success:
                await source.response.aread()
                raise _refusal(source.response)
            yield source.aiter_sse()

    async def _request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], AsyncIterator[bytes]] | bytes | None = None,
    ) -> httpx.Response:
        """The answer; a call that comes too soon is made again as soon as it may."""
        while True:
            body = content() if callable(content) else content
            try:
                response = await self._http.request(
                    method, url, params=params, headers=headers, content=body
                )
            except httpx.TransportError as error:
                where = httpx.URL(url).copy_with(path="/")
                raise Unreachable(f"{where} does not answer: {_words(error)}") from error
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                break
            await asyncio.sleep(_retry_after(response))
        if not response.is_success:
            raise _refusal(response)
        return response


class _Body:
    """A file that is sent, more than once if need be."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        self._sent = 0

    async def __call__(self) -> AsyncGenerator[bytes]:
        # What an earlier attempt sent was in vain.
        self._progress(-self._sent)
        self._sent = 0
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
                self._sent += len(block)
                self._progress(len(block))


def _retry_after(response: httpx.Response) -> float:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else _LATER


def _size(path: Path) -> int:
    return path.stat().st_size


def _wait(failures: int) -> float:
    return random.uniform(0.5, 1) * min(5.0, 0.1 * 2**failures)  # noqa: S311 - no secret


def _ignore(_count: int) -> None:
    pass


def _event(received: "ServerSentEvent") -> Event | Gap | None:
    if received.event == "gap":
        return msgspec.json.decode(received.data, type=Gap)
    if received.event not in EVENT_TYPES:
        return None  # of a newer release
    return decode_event(received.data.encode())


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    words = problem.detail or problem.title or response.reason_phrase
    return Refused(
        f"{response.status_code}: {words}", status=response.status_code, field=problem.field
    )


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
