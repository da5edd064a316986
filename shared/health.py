"""Health: whether a process lives, has started, and can do its work.

    GET …/health/live      200 while the event loop turns
    GET …/health/started   200 once `mark_started` was called, else 503
    GET …/health/ready     200 unless a check failed or the process is stopping, else 503

`degraded` is 200 with a detail: work is taken but waits for something. An orchestrator must not
restart or bypass a service for what another one lacks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from msgspec import Struct, json

from shared.asgi import Receive, Scope, Send, respond

_log = logging.getLogger(__name__)


Status = Literal["ok", "degraded", "failed"]


class Result(Struct, frozen=True, omit_defaults=True):
    """What a check found."""

    status: Status
    detail: str = ""
    """A sentence for people; empty if ok."""


OK = Result("ok")


def degraded(detail: str) -> Result:
    """Work is taken, but something is amiss."""
    return Result("degraded", detail)


def failed(detail: str) -> Result:
    """No work can be taken."""
    return Result("failed", detail)


Check = Callable[[], Awaitable[Result]]


class Report(Struct, frozen=True, omit_defaults=True):
    """What a health request is answered."""

    status: Status
    detail: str = ""
    service: str = ""
    """Which of EchoBase's services answers."""
    checks: dict[str, Result] = {}


class Health:
    """An ASGI application: served alone, or mounted at `/health` of another one."""

    def __init__(
        self,
        checks: Mapping[str, Check] | None = None,
        *,
        service: str = "",
        stopping: asyncio.Event | None = None,
        timeout: float = 2.0,
    ) -> None:
        """`checks` by name; one that raises, or takes longer than `timeout` seconds, has failed.

        `service` is told to whoever wonders what listens there. Once `stopping` is set the process
        is no longer ready.
        """
        self._checks = dict(checks or {})
        self._service = service
        self._stopping = stopping
        self._timeout = timeout
        self._started = False

    def mark_started(self) -> None:
        """Say that the start is over: from now on readiness depends on the checks alone."""
        self._started = True

    async def report(self, probe: str) -> Report | None:
        """The answer to `live`, `started` or `ready`; None for anything else."""
        match probe:
            case "live":
                return self._report("ok")
            case "started":
                return self._report("ok") if self._started else self._report("failed", "starting")
            case "ready":
                return await self._readiness()
            case _:
                return None

    async def _readiness(self) -> Report:
        results = await asyncio.gather(*(self._run(n, c) for n, c in self._checks.items()))
        checks = dict(zip(self._checks, results, strict=True))
        if self._stopping is not None and self._stopping.is_set():
            return self._report("failed", "stopping", checks)
        if not self._started:
            return self._report("failed", "starting", checks)
        return self._report(worst(results), checks=checks)

    def _report(
        self, status: Status, detail: str = "", checks: dict[str, Result] | None = None
    ) -> Report:
        return Report(status, detail, self._service, checks or {})

    async def _run(self, name: str, check: Check) -> Result:
        try:
            async with asyncio.timeout(self._timeout):
                return await check()
        except TimeoutError:
            return failed(f"no answer within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, the check has failed
            _log.debug("health check failed", extra={"check": name}, exc_info=error)
            return failed(f"{type(error).__name__}: {error}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            headers = {"allow": "GET, HEAD"}
            await respond(send, 405, _WRONG_METHOD, "application/problem+json", headers)
            return
        # The last part alone, since a mount and a base path stand before it.
        probe = str(scope["path"]).rstrip("/").rpartition("/")[2]
        report = await self.report(probe)
        if report is None:
            await respond(send, 404, _NOT_FOUND, "application/problem+json")
            return
        await respond(send, 503 if report.status == "failed" else 200, json.encode(report))


def worst(results: list[Result]) -> Status:
    """The worst status among them."""
    found = {result.status for result in results}
    if "failed" in found:
        return "failed"
    return "degraded" if "degraded" in found else "ok"


def _problem(title: str, status: int, detail: str) -> bytes:
    # By hand, since a transcriber has no HTTP framework installed.
    return json.encode({"type": "about:blank", "title": title, "status": status, "detail": detail})


_NOT_FOUND = _problem("Not Found", 404, "There is live, ready and started.")
_WRONG_METHOD = _problem("Method Not Allowed", 405, "Health is read by GET.")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
