"""The life of a service's process: settings, logs, telemetry, signals, the HTTP server, the end.

The first SIGTERM or SIGINT sets `stopping`, and the service has `grace` seconds to end politely;
the second ends the process at once. Exit codes: 0 after a polite end, 1 after an error or when the
grace ran out, 2 for a setting that is not allowed.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import FrameType
from typing import NoReturn, TypeVar, cast

import uvloop

from shared import log, settings, telemetry
from shared.asgi import AsgiApp
from shared.binding import check_bind
from shared.errors import EchoBaseError, SettingError
from shared.open_files import raise_limit
from shared.server import DrainingServer, HttpProtocol
from shared.settings import Settings, SiteSettings, TelemetrySettings

S = TypeVar("S", bound=Settings)
_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CLEANUP = 1.0
"""Seconds that cancelled tasks have to clean up once the grace is over."""


class Lifecycle:
    """What a service's main coroutine is given."""

    def __init__(self, service: str, env: Mapping[str, str]) -> None:
        """Raises SettingError."""
        self.service = service
        self.env = env
        self.site = settings.load(SiteSettings, env)
        # Before anything is reached or started, and again where it listens.
        check_bind(self.site)
        self.stopping = asyncio.Event()
        """Set by the first signal: take nothing new, finish what is in hand, return."""

    @property
    def grace(self) -> float:
        """Seconds from `stopping` until what still runs is cancelled."""
        return self.site.grace

    def load(self, kind: type[S]) -> S:
        """The settings of one concern. Raises SettingError."""
        return settings.load(kind, self.env)

    def ready(self, address: str) -> None:
        """Log the one line that says that the service is up, and where."""
        _log.info("ready", extra={"address": address})

    async def serve(
        self,
        app: AsgiApp,
        port: int,
        http: HttpProtocol = "h11",
        *,
        announce: bool = True,
    ) -> None:
        """Serve an ASGI application until `stopping`, and until its requests have ended.

        Open streams must watch `stopping`; connections that are left after half of the grace are
        cut. Logs the ready line unless `announce` is False (then call `ready`). `http` is h11,
        since httptools loses the body of a client that offers h2c: Java's, and so SDRTrunk's.

        Raises SettingError if the port is taken, or if the address is beyond loopback and no key
        is set.
        """
        listener = listen(self.site, port, f"ECHOBASE_{self.service.upper()}_PORT")
        url = address(listener)
        server = DrainingServer(
            app,
            http,
            cut_after=self.grace / 2,
            on_start=lambda: self.ready(url) if announce else None,
        )
        await server.serve_until(self.stopping, listener)


def run(service: str, main: Callable[[Lifecycle], Coroutine[None, None, None]]) -> NoReturn:
    """Run a service's main coroutine as this process, and exit."""
    try:
        env = settings.environment()
        life = Lifecycle(service, env)
        log.configure(service, life.site.log_level, life.site.log_format)
        for line in settings.warnings(env):
            _log.warning(line)
        flush = telemetry.setup(service, life.load(TelemetrySettings))
        raise_limit()
    except SettingError as error:
        sys.exit(_report(service, error))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_live(life, main))
        code = 0
    except Exception as error:  # noqa: BLE001 - the last one who can report it
        code = _report(service, error)
    flush()
    sys.exit(code)


async def _live(life: Lifecycle, main: Callable[[Lifecycle], Coroutine[None, None, None]]) -> None:
    _handle_signals(life)
    work = asyncio.create_task(main(life), name=life.service)
    order = asyncio.create_task(life.stopping.wait())
    await asyncio.wait({work, order}, return_when=asyncio.FIRST_COMPLETED)
    order.cancel()
    if not life.stopping.is_set():
        _end_within(life.grace + _CLEANUP)
    _, late = await asyncio.wait({work}, timeout=life.grace)
    if late:
        work.cancel()
        await asyncio.wait({work}, timeout=_CLEANUP)
        raise GraceOver(f"not finished within {life.grace:g} s (ECHOBASE_GRACE)")
    await work


class GraceOver(EchoBaseError):
    """The service did not end politely in the time it was given."""

    code = "grace-over"


def _handle_signals(life: Lifecycle) -> None:
    loop = asyncio.get_running_loop()

    def first(number: int, _: FrameType | None) -> None:
        # From here on the kernel ends the process at the next signal, even if the loop is stuck.
        # Nothing is logged here: the signal may have come in the middle of a log line.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        _end_within(life.grace + _CLEANUP)
        loop.call_soon_threadsafe(_stop, life, number)

    # Not by `loop.add_signal_handler`, which swallows a second signal that comes before the loop
    # has run the handler of the first.
    for number in _SIGNALS:
        signal.signal(number, first)


def _stop(life: Lifecycle, number: int) -> None:
    _log.info("stopping", extra={"signal": signal.Signals(number).name})
    life.stopping.set()


def _end_within(seconds: float) -> None:
    """End the process in so many seconds whatever happens: threads may hang, such as a model's."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


def _report(service: str, error: BaseException) -> int:
    """Tell of the error that ended the process; its exit code."""
    known = _known(error)
    if known is None:
        _log.critical("ended by an error", exc_info=error)
        return 1
    sys.stderr.write(f"{service}: {' '.join(str(known).split())}\n")
    return 2 if isinstance(known, SettingError) else 1


def _known(error: BaseException) -> EchoBaseError | None:
    """Our own error within what a task group raised; None if any of it is another's."""
    if isinstance(error, EchoBaseError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    found = [_known(each) for each in cast(BaseExceptionGroup[BaseException], error).exceptions]
    return None if None in found else found[0]


def listen(site: SiteSettings, port: int, variable: str) -> socket.socket:
    """A socket that listens on the site's address; `variable` is the port's, for messages.

    Raises SettingError.
    """
    family, host = check_bind(site)
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingError(_refusal(site.bind, port, variable, error)) from None


def _refusal(bind: str, port: int, variable: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{variable}={port} is taken on {bind}: stop what listens there, or set another port"
    if error.errno == errno.EACCES:
        return f"{variable}={port} needs rights that this user lacks: set a port above 1023"
    return f"ECHOBASE_BIND={bind!r} cannot be bound: {error.strerror}"


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
