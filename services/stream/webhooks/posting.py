"""One post, and what the receiver answered.

No redirect is followed, no cookie kept, no proxy asked. Every post has a
connection of its own, whose address is checked anew.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

import httpcore
import httpx

from services.stream.webhooks import signature
from services.stream.webhooks.address import AddressRefused, Allowed, Target, read_url
from services.stream.webhooks.connecting import CheckedBackend
from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.resolver import Resolve, Resolver
from shared.errors import BadInput

_MOST_READ = 16 * 1024
"""Bytes of an answer that are read, so that its sender sees it arrive."""
_PATIENCE = 1.0
"""Seconds for the body of an answer."""
_LONGEST_RETRY_AFTER = 86_400.0
_AGENT = f"EchoBase/{version('echobase')} (+webhooks)"


@dataclass(frozen=True)
class Answer:
    """What came of a post."""

    status: int = 0
    """HTTP's; 0 if there was no answer."""
    problem: str = ""
    """Why there was none, in words that name no address."""
    retry_after: float = 0.0
    """Seconds for which the receiver wants to be left alone."""
    seconds: float = 0.0
    """What it took."""

    @property
    def good(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"it answered {self.status}" if self.status else self.problem


class Poster:
    """Posts to receivers."""

    def __init__(self, allowed: Allowed, timeout: float, resolve: Resolve | None = None) -> None:
        """`timeout`: seconds for all of a post."""
        self._allowed = allowed
        self._timeout = timeout
        self._resolve = resolve or Resolver()
        # With what SSL_CERT_FILE and SSL_CERT_DIR name, for receivers with a site's own authority.
        self._tls = httpx.create_ssl_context(trust_env=True)

    async def post(self, receiver: Receiver, id: str, body: bytes) -> Answer:
        """Post a body under an id, signed now. Raises nothing."""
        began = time.monotonic()
        try:
            target = read_url(receiver.url)
            headers = self._headers(signature.headers(id, time.time(), body, receiver.secrets))
            async with asyncio.timeout(self._timeout):
                answer = await self._send(target, headers, body)
        except TimeoutError:
            answer = Answer(problem=f"no answer within {self._timeout:g} s")
        except (AddressRefused, BadInput) as error:
            answer = Answer(problem=str(error))
        except Exception as error:  # noqa: BLE001 - whatever a receiver does, it is an answer
            answer = Answer(problem=_problem(error))
        return Answer(answer.status, answer.problem, answer.retry_after, time.monotonic() - began)

    def _headers(self, signed: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        headers = {
            **signed,
            "content-type": "application/json",
            "user-agent": _AGENT,
            "accept": "*/*",
            "connection": "close",
        }
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    async def _send(
        self, target: Target, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        backend = CheckedBackend(target, self._allowed, self._resolve)
        async with (
            httpcore.AsyncConnectionPool(self._tls, network_backend=backend) as pool,
            pool.stream("POST", url, headers=headers, content=body) as response,
        ):
            answer = Answer(response.status, retry_after=_retry_after(response.headers))
            # It has answered: the rest of it is of no interest, nor is how it ends.
            with suppress(Exception):
                async with asyncio.timeout(_PATIENCE):
                    await _drain(response)
            return answer


async def _drain(response: httpcore.Response) -> None:
    read = 0
    async for piece in response.aiter_stream():
        read += len(piece)
        if read >= _MOST_READ:
            return


def _retry_after(headers: list[tuple[bytes, bytes]]) -> float:
    """The seconds that an answer asks for; a date is not understood, and waits as usual."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return min(_LONGEST_RETRY_AFTER, float(value))
    return 0.0


def _problem(error: Exception) -> str:
    """What went wrong, without what the system says of it: that names addresses."""
    match error:
        case httpcore.ConnectError() if isinstance(error.__cause__, ssl.SSLError):
            return "TLS failed: its certificate does not verify, or it speaks no TLS"
        case httpcore.ConnectError() | httpcore.ConnectTimeout():
            return "it cannot be reached"
        case httpcore.ProtocolError():
            return "its answer is no HTTP"
        case httpcore.NetworkError():
            return "the connection broke"
        case OSError():
            return "its name is not known"
        case _:
            return f"the post failed: {type(error).__name__}"
