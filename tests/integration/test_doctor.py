"""Doctor against what really listens: nothing, a stranger, a service of ours."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.checks import Finding, examine
from deploy.local.ports import free_ports
from shared.asgi import AsgiApp, Receive, Scope, Send, respond
from shared.health import Health
from shared.lifecycle import listen
from shared.server import DrainingServer
from shared.settings import SiteSettings

NAMES = ("STREAM", "INGEST", "TRANSCRIBER", "NATS", "STORE")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Settings of a site where nothing runs."""
    ports = zip(NAMES, free_ports(len(NAMES)), strict=True)
    return {f"ECHOBASE_{name}_PORT": str(port) for name, port in ports} | {
        "ECHOBASE_DATA": str(tmp_path),
        "WHISPER_MODEL_NAME": "demo",
    }


@asynccontextmanager
async def serving(app: AsgiApp, port: str) -> AsyncGenerator[None]:
    stopping, up = asyncio.Event(), asyncio.Event()
    listener = listen(SiteSettings(), int(port), "PORT")
    server = DrainingServer(app, "h11", cut_after=1.0, on_start=up.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve_until(stopping, listener))
        await up.wait()
        try:
            yield
        finally:
            stopping.set()


def stranger(body: bytes) -> AsgiApp:
    """What answers everything alike."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Health()(scope, receive, send)
        else:
            await respond(send, 200, body)

    return app


def of(found: list[Finding], part: str) -> list[Finding]:
    return [each for each in found if each.part == part]


async def test_nothing_runs(env: dict[str, str]) -> None:
    found = await examine(env)
    [ports] = of(found, "ports")
    assert (ports.state, ports.detail.split(":")[0]) == ("ok", "free")
    [stream] = of(found, "stream")
    assert stream.state == "wrong"
    assert "does not answer" in stream.detail


@pytest.mark.parametrize(
    "body", [b'{"status": "ok"}', b'{"status": "ok", "service": "ingest"}', b"<html>", b"[1]"]
)
async def test_a_stranger_is_not_taken_for_ours(env: dict[str, str], body: bytes) -> None:
    port = env["ECHOBASE_STREAM_PORT"]
    async with serving(stranger(body), port):
        found = await examine(env)
    [ports] = of(found, "ports")
    assert (ports.state, ports.detail) == ("wrong", f"ECHOBASE_STREAM_PORT={port} is taken")
    [stream] = of(found, "stream")
    assert (stream.state, stream.detail) == (
        "wrong",
        f"what answers at http://localhost:{port} is no stream",
    )
    assert of(found, "nats") == [], "what a stranger says of its work is not repeated"


async def test_a_service_of_ours_may_have_its_port(env: dict[str, str]) -> None:
    ours = Health(service="stream")
    ours.mark_started()
    async with serving(ours, env["ECHOBASE_STREAM_PORT"]):
        found = await examine(env)
    [ports] = of(found, "ports")
    assert (ports.state, ports.detail) == (
        "ok",
        f"in use by EchoBase: {env['ECHOBASE_STREAM_PORT']}",
    )
    [stream] = of(found, "stream")
    assert stream.state == "ok"


async def test_a_port_that_is_no_http_is_taken(env: dict[str, str]) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO {}\r\n")
        writer.close()

    port = env["ECHOBASE_NATS_PORT"]
    async with await asyncio.start_server(hang_up, "127.0.0.1", int(port)):
        found = await examine(env)
    # Another test may have come to listen on another of the ports.
    ports = [(each.state, each.detail) for each in of(found, "ports")]
    assert ("wrong", f"ECHOBASE_NATS_PORT={port} is taken") in ports
