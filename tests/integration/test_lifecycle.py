"""The life of a process, with real ones."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

WAIT = 120

APP = """
    import asyncio, sys, threading, time
    from shared.errors import SettingError
    from shared.lifecycle import Lifecycle, run

    async def lifespan(receive, send):
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def serving(stream):
        # An application whose every response is one stream.
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                return await lifespan(receive, send)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun.", "more_body": True})
            await stream()
            await send({"type": "http.response.body", "body": b"ended."})
        return app
"""


class Child:
    """A service's process; its log is read line by line."""

    def __init__(self, folder: Path, code: str, **env: str) -> None:
        script = folder / "service.py"
        script.write_text(textwrap.dedent(APP) + textwrap.dedent(code))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ECHOBASE_")}
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=folder,
            env=inherited | env,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def logged(self, message: str) -> dict[str, str]:
        """Wait for a record with that message."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("{") and json.loads(line)["message"] == message:
                return json.loads(line)
        raise AssertionError(f"never logged: {message}")

    def ended(self) -> tuple[int, str]:
        """Wait for its end: its exit code, and the rest of stderr."""
        _, err = self.process.communicate(timeout=WAIT)
        return self.process.returncode, err


@contextmanager
def service(folder: Path, code: str, **env: str) -> Generator[Child, None, None]:
    child = Child(folder, code, **env)
    watchdog = threading.Timer(WAIT, child.process.kill)
    watchdog.start()
    try:
        yield child
    finally:
        watchdog.cancel()
        child.process.kill()
        child.process.communicate()


STREAMS = {
    # Ends once the service is stopping.
    "polite": "await life.stopping.wait()",
    # A request in hand, which takes its time.
    "slow": "await life.stopping.wait(); await asyncio.sleep(0.2)",
    # Never ends, and heeds nothing.
    "deaf": "await asyncio.Event().wait()",
}


def streaming(kind: str) -> str:
    return f"""
        async def main(life):
            async def stream():
                {STREAMS[kind]}
            await life.serve(serving(stream), 0)
        run("stream", main)
    """


@pytest.mark.parametrize("kind", ["polite", "slow"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_requests_end(tmp_path: Path, kind: str, number: signal.Signals):
    with service(tmp_path, streaming(kind)) as child:
        url = child.logged("ready")["address"]
        with httpx.stream("GET", url, timeout=WAIT) as answer:
            parts = answer.iter_bytes()
            assert next(parts) == b"begun."
            child.process.send_signal(number)
            assert b"".join(parts) == b"ended."
        code, err = child.ended()
        assert code == 0, err
        assert "Traceback" not in err


def test_a_stream_that_does_not_end_is_cut(tmp_path: Path):
    with service(tmp_path, streaming("deaf"), ECHOBASE_GRACE="8") as child:
        url = child.logged("ready")["address"]
        with httpx.stream("GET", url, timeout=WAIT) as answer:
            parts = answer.iter_bytes()
            assert next(parts) == b"begun."
            child.process.terminate()
            with pytest.raises(httpx.HTTPError):
                next(parts)
        code, err = child.ended()
        assert code == 0, err


def test_a_stream_whose_reader_has_stalled_is_cut(tmp_path: Path):
    code = """
        async def main(life):
            async def app(scope, receive, send):
                if scope["type"] == "lifespan":
                    return await lifespan(receive, send)
                await send({"type": "http.response.start", "status": 200, "headers": []})
                while not life.stopping.is_set():
                    await send(
                        {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
                    )
            await life.serve(app, 0)
        run("stream", main)
    """
    with service(tmp_path, code, ECHOBASE_GRACE="8") as child:
        host, port = child.logged("ready")["address"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as reader:
            reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert reader.recv(1)
            child.process.terminate()
            code, err = child.ended()
            assert code == 0, err


@pytest.mark.parametrize(
    "wait",
    ["await asyncio.Event().wait()", "await life.stopping.wait(); time.sleep(600)"],
)
def test_the_second_signal_ends_at_once(tmp_path: Path, wait: str):
    code = f"""
        async def main(life):
            life.ready("nowhere")
            {wait}
        run("stream", main)
    """
    with service(tmp_path, code, ECHOBASE_GRACE="600") as child:
        child.logged("ready")
        child.process.terminate()
        child.logged("stopping")
        child.process.terminate()
        assert child.ended()[0] == -signal.SIGTERM


@pytest.mark.parametrize(
    "wait",
    [
        "await asyncio.Event().wait()",
        "await asyncio.to_thread(time.sleep, 600)",
        "await life.stopping.wait(); time.sleep(600)",
        "time.sleep(600)",
    ],
)
def test_who_is_not_done_when_the_grace_is_over_is_ended(tmp_path: Path, wait: str):
    code = f"""
        async def main(life):
            life.ready("nowhere")
            {wait}
        run("stream", main)
    """
    with service(tmp_path, code, ECHOBASE_GRACE="0.2") as child:
        child.logged("ready")
        child.process.terminate()
        code, err = child.ended()
        assert code == 1
        assert "Traceback" not in err


ANY = """
    async def main(life):
        async def stream(): ...
        await life.serve(serving(stream), int(life.env["PORT"]))
    run("ingest", main)
"""


def test_a_port_that_is_taken_is_one_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with service(tmp_path, ANY, PORT=port) as child:
            assert child.ended() == (
                2,
                f"ingest: ECHOBASE_INGEST_PORT={port} is taken on 127.0.0.1:"
                " stop what listens there, or set another port\n",
            )


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
def test_a_bind_beyond_loopback_without_a_key_is_refused(tmp_path: Path, bind: str):
    with service(tmp_path, ANY, PORT="0", ECHOBASE_BIND=bind) as child:
        assert child.ended() == (
            2,
            f"ingest: ECHOBASE_BIND='{bind}' can be reached from other machines:"
            " set ECHOBASE_API_KEY, or bind to 127.0.0.1\n",
        )


def test_it_is_refused_before_anything_is_done(tmp_path: Path):
    code = """
        async def main(life):
            raise RuntimeError("it began")
        run("ingest", main)
    """
    with service(tmp_path, code, ECHOBASE_BIND="0.0.0.0") as child:
        ended, err = child.ended()
    assert (ended, "it began" in err, "set ECHOBASE_API_KEY" in err) == (2, False, True)


@pytest.mark.parametrize("name", ["no address", "192.0.2.1"])
def test_a_bind_that_is_no_address_here_is_one_line(tmp_path: Path, name: str):
    env = {"PORT": "0", "ECHOBASE_BIND": name, "ECHOBASE_API_KEY": "k"}
    with service(tmp_path, ANY, **env) as child:
        code, err = child.ended()
        assert code == 2
        assert err.startswith(f"ingest: ECHOBASE_BIND='{name}'")
        assert err.count("\n") == 1


def test_a_setting_that_is_not_allowed_is_one_line(tmp_path: Path):
    with service(tmp_path, ANY, PORT="0", ECHOBASE_LOG_LEVEL="loud") as child:
        code, err = child.ended()
        assert code == 2
        assert err.startswith("ingest: ECHOBASE_LOG_LEVEL='loud' is not allowed: ")
        assert err.count("\n") == 1


def test_an_error_of_ours_out_of_a_task_group_is_one_line(tmp_path: Path):
    code = """
        async def main(life):
            async def fails():
                raise SettingError("ECHOBASE_X=1 is not allowed")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fails())
                tasks.create_task(life.stopping.wait())
        run("ingest", main)
    """
    with service(tmp_path, code) as child:
        assert child.ended() == (2, "ingest: ECHOBASE_X=1 is not allowed\n")


def test_any_other_error_is_logged_with_its_trace(tmp_path: Path):
    code = """
        async def main(life):
            raise OSError("no disk")
        run("ingest", main)
    """
    with service(tmp_path, code) as child:
        code, err = child.ended()
        assert code == 1
        [line] = err.splitlines()
        assert "OSError: no disk" in json.loads(line)["exception"]


def test_an_application_that_does_not_start_ends_the_process(tmp_path: Path):
    code = """
        async def main(life):
            async def app(scope, receive, send):
                raise OSError("no disk")
            await life.serve(app, 0)
        run("ingest", main)
    """
    with service(tmp_path, code) as child:
        code, err = child.ended()
        assert code == 1
        assert "OSError: no disk" in err


def test_variables_of_the_old_system_are_warned_of(tmp_path: Path):
    code = """
        async def main(life): ...
        run("ingest", main)
    """
    with service(tmp_path, code, REDIS_URL="redis://x") as child:
        code, err = child.ended()
        assert code == 0
        assert "REDIS_URL is ignored" in json.loads(err)["message"]
