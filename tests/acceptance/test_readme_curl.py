"""Every curl line of the README runs as printed, and succeeds, on a real stack.

By a real `sh`. The printed addresses are led to the stack's ports by curl's own `.curlrc`, and the
recording that the README names lies in the store. curl is the machine's and, whether or not it has
one, `tests.support.stand_in_curl`.
"""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.samples import samples
from shared.http.openapi import ID
from shared.memory_bus import MemoryBus
from shared.s3_store import S3Store
from tests.support import readme, stand_in_curl
from tests.support.audio_files import reencode
from tests.support.calls import Call
from tests.support.programs import offered
from tests.support.repository import ROOT
from tests.support.stack import PATIENCE, RunningStack

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "burglary-alarm.ogg")
README = (ROOT / "README.md").read_text("utf-8")


def lines() -> Iterator[str]:
    """The README's lines that begin with curl, put together where they go on."""
    for block in readme.blocks(README, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("curl "):
                yield line


def _stays_open(line: str) -> bool:
    return " -N " in line


def _deletes(line: str) -> bool:
    return "-X DELETE" in line


@asynccontextmanager
async def curl(folder: Path, line: str) -> AsyncGenerator[Process]:
    """A line of the shell, in a folder with a call."""
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-euc",
        f"exec {line}",
        cwd=folder,
        env={
            "CURL_HOME": str(folder),
            "HOME": str(folder),
            "KEY": "none is needed",
            "PATH": f"{folder / 'tools'}:{os.environ['PATH']}",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def prepare(stack: RunningStack, folder: Path, *, own: bool) -> None:
    """What the lines speak of: a call, the ports, the recording."""
    offered(folder / "tools", "curl", own=own)
    reencode(CALL.path, folder / "call.wav", "wav")
    ports = {3000: stack.ports["STREAM"], 3001: stack.ports["INGEST"]}
    (folder / ".curlrc").write_text(
        "fail-with-body\n"
        + "".join(f'connect-to = "localhost:{a}:127.0.0.1:{b}"\n' for a, b in ports.items()),
        "utf-8",
    )
    named = Call(MemoryBus(), "county", "fire", recording=ID)
    store = S3Store(stack.store)
    await named.store_recording(store, CALL.path.read_bytes())
    await named.store_request(store)
    await named.store_transcript(store, "Engine 7, Birch Tree.")
    await store.close()


def test_the_readme_has_such_lines() -> None:
    found = list(lines())
    assert len(found) > 8
    assert len([line for line in found if _stays_open(line)]) == 1
    assert len([line for line in found if _deletes(line)]) == 1
    assert all(line.count("http://localhost:300") == 1 for line in found)
    assert {ID in line for line in found} == {True, False}


@pytest.mark.parametrize("own", [False, True], ids=["stand-in", "curl"])
async def test_every_line_runs_as_printed(stack: RunningStack, tmp_path: Path, own: bool) -> None:
    await prepare(stack, tmp_path, own=own)
    following = [line for line in lines() if _stays_open(line)]
    # What deletes the recording comes last, and once: a deleted one does not come back.
    rest = sorted((line for line in lines() if line not in following), key=_deletes)
    async with AsyncExitStack() as opened:
        followers = [await opened.enter_async_context(curl(tmp_path, each)) for each in following]
        for follower in followers:
            assert follower.stdout is not None
            assert (await follower.stdout.readline()).startswith(b":")
        for line in rest:
            if own or not _deletes(line):
                async with curl(tmp_path, line) as process:
                    out, err = await process.communicate()
                    assert process.returncode == 0, (line, out, err)
    # What a line says of a channel would count for the calls of other tests.
    assert stack.run("channels", "remove", "11", "54241").returncode == 0


async def test_a_line_that_is_refused_fails(stack: RunningStack, tmp_path: Path) -> None:
    for number, own in enumerate((False, True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        await prepare(stack, folder, own=own)
        line = "curl -F file=@call.wav -F sauce=county http://localhost:3001/v1/recordings"
        async with curl(folder, line) as process:
            out, _ = await process.communicate()
            assert process.returncode == 22
            assert b"sauce" in out


@pytest.mark.parametrize(
    "line", ["--jsn {} http://a", "-F a=b", "http://a http://b", "--json {} -k http://a"]
)
def test_a_line_that_the_stand_in_does_not_know_is_refused(line: str) -> None:
    with pytest.raises(stand_in_curl.Usage):
        stand_in_curl.parse(line.split())
