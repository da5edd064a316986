"""The README's example of a receiver runs as it stands."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.hooks import PATIENCE, call, put, receiver
from tests.support.repository import ROOT
from tests.support.stream import running

pytestmark = pytest.mark.servers


def example() -> str:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    [found] = [each for each in blocks if "standardwebhooks" in each]
    return found


async def test_the_example_verifies_and_prints_each_event_once(
    env: dict[str, str], bus: Bus, store: S3Store, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    script = tmp_path / "receiver.py"
    script.write_text(example())
    wanted = receiver(f"http://127.0.0.1:{port}/hook")
    # Signed with a secret that the example does not know: it must not print what that one says.
    await put(bus, wanted, receiver(wanted.url))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        env={**os.environ, "WEBHOOK_SECRET": wanted.secrets[0], "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        async with running(env), asyncio.timeout(PATIENCE):
            for text in ("Engine 7", "Medic 3"):
                await call(bus, store, text=text)
                assert await process.stdout.readline() == f"completed {text}\n".encode()
    finally:
        process.kill()
        await process.wait()
