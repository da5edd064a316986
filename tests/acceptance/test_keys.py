"""Keys in the stack as it is shipped: the first one locks it, a revoked one ends."""

import asyncio
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from shared.stack import Addresses
from tests.support.calls import silence
from tests.support.stack import PATIENCE, RunningStack

pytestmark = pytest.mark.stack


def made(stack: RunningStack, *arguments: str) -> tuple[str, str]:
    """A key of the command's, and its id."""
    done = stack.run("keys", "add", "a test's", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=dict[str, object])
    return str(found["key"]), str(found["id"])


async def status(http: httpx.AsyncClient, url: str) -> int | None:
    """How a service answers; None while it does not."""
    try:
        return (await http.get(url)).status_code
    except httpx.TransportError:
        return None


async def until_answered(addresses: Addresses, key: str, *, stream: int, ingest: int) -> None:
    """Wait until both services answer a key so."""
    deadline = time.monotonic() + PATIENCE
    async with httpx.AsyncClient(headers={"X-API-Key": key} if key else {}) as http:
        while True:
            here = await status(http, f"{addresses.stream}/v1/status")
            there = await status(http, f"{addresses.ingest}/v1/spool/{'0' * 32}")
            if (here, there) == (stream, ingest):
                return
            assert time.monotonic() < deadline, (here, there)
            await asyncio.sleep(0.05)


async def test_keys_are_made_rotated_and_revoked_while_the_stack_runs(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    try:
        addresses = stack.addresses
        await until_answered(addresses, "", stream=200, ingest=404)
        old, old_id = made(stack, "--scope", "read", "--scope", "ingest")
        # As soon as there is one, every route asks for it.
        await until_answered(addresses, "", stream=401, ingest=401)
        await until_answered(addresses, old, stream=200, ingest=404)
        new, _ = made(stack, "--scope", "ingest", "--limit", "county", "*")
        await until_answered(addresses, new, stream=403, ingest=404)
        path = tmp_path / "call.wav"
        path.write_bytes(silence(1.0))
        for arguments, code in (
            (("--source", "county"), 0),
            (("--source", "metro"), 1),
        ):
            done = stack.run("submit", str(path), *arguments, ECHOBASE_API_KEY=new)
            assert done.returncode == code, done.stderr
        assert stack.run("keys", "revoke", old_id).returncode == 0
        await until_answered(addresses, old, stream=401, ingest=401)
        # Killed, and started again by the stack, they know it all.
        for part in ("nats-server", "stream", "ingest"):
            stack.kill(part)
        await until_answered(addresses, old, stream=401, ingest=401)
        await until_answered(addresses, new, stream=403, ingest=404)
    finally:
        assert stack.stop() == 0
