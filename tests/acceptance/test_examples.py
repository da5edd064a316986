"""The examples for other services run as printed, on a real stack, as its users for outsiders.

Those of the README ("Messages for other services") and of `docs/asyncapi.yaml`:

- Python as it stands, with nats-py alone.
- Go as it stands: vetted, compiled with nats.go and run, all three as Debian packages them
  (`tests.support.install_go`, which `make test` runs).
- Lines of the shell as they stand, by a real `sh`. The `nats` command is the machine's if it has
  one. Otherwise `tests.support.stand_in_nats` reads the arguments as strictly and does the same to
  the real server: then the printed subjects, headers, consumer and login are tried, and the command
  itself is not.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from deploy.local.folder import credentials
from deploy.local.samples import Sample, samples
from shared.asyncapi import document
from tests.support import readme, stand_in_nats
from tests.support.audio_files import reencode
from tests.support.go import FETCHED, Go
from tests.support.programs import offered
from tests.support.repository import ROOT
from tests.support.stack import PATIENCE, RunningStack

pytestmark = pytest.mark.stack

SECTION = readme.section((ROOT / "README.md").read_text("utf-8"), "Messages for other services")
SAMPLES = {sample.file.removesuffix(".ogg"): sample for sample in samples()}


def shown(kind: str) -> tuple[str, str]:
    """The AsyncAPI document's lines for the shell: submitting, and following."""
    operations = cast(Mapping[str, Mapping[str, str]], document()["operations"])
    [submitting] = readme.blocks(operations["submit"]["description"], kind)
    [following] = readme.blocks(operations["segment"]["description"], kind)
    return submitting, following


@asynccontextmanager
async def run(
    stack: RunningStack, user: str, folder: Path, *command: str
) -> AsyncGenerator[Process]:
    """A program that knows where NATS is, and who it is, by its environment alone."""
    url = f"nats://127.0.0.1:{stack.ports['NATS']}"
    password = credentials(stack.data).nats_passwords[user]
    tools = folder / "tools"
    if not tools.exists():
        offered(tools, "nats", own=True)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            **{
                f"{prefix}NATS_{name}": value
                for prefix in ("ECHOBASE_", "")
                for name, value in (("URL", url), ("USER", user), ("PASSWORD", password))
            },
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        # A shell's own child must end with it.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def line_with(stream: asyncio.StreamReader | None, wanted: str) -> str:
    """The first line that holds something."""
    assert stream is not None
    async for line in stream:
        if wanted in line.decode():
            return line.decode()
    raise AssertionError(f"no line held {wanted!r}")


async def printed(process: Process) -> list[str]:
    """What a program printed that ended well."""
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


def call(folder: Path, name: str) -> Sample:
    """A sample as `call.wav`; each example has one of its own, since a call is kept once."""
    folder.mkdir(exist_ok=True)
    reencode(SAMPLES[name].path, folder / "call.wav", "wav")
    return SAMPLES[name]


def script(folder: Path, source: str) -> list[str]:
    """A program of Python's."""
    (folder / "example.py").write_text(source, "utf-8")
    return [sys.executable, "-I", str(folder / "example.py")]


@pytest.mark.parametrize(("where", "sample"), [("README", "chest-pain"), ("AsyncAPI", "hospital")])
async def test_lines_of_the_shell_submit_and_follow(
    stack: RunningStack, tmp_path: Path, where: str, sample: str
) -> None:
    if where == "README":
        following, submitting = readme.blocks(SECTION, "sh")
    else:
        submitting, following = shown("sh")
    said = call(tmp_path, sample)
    async with run(stack, "subscriber", tmp_path, "sh", "-euc", following) as follower:
        await line_with(follower.stderr, "Subscribing")
        async with run(stack, "publisher", tmp_path, "sh", "-euc", submitting) as sender:
            _, told = await sender.communicate()
            assert sender.returncode == 0, told.decode()
        assert "Stored in Stream: SUBMIT" in told.decode()
        segment = json.loads(await line_with(follower.stdout, '"correlation_id":"call-81'))
    assert segment["type"] == "segment"
    assert segment["text"].split()[0] in said.text
    assert (segment["source"], segment["channel"]) == ("county", "fire")


async def test_python_submits_and_hears_what_becomes_of_it(
    stack: RunningStack, tmp_path: Path
) -> None:
    [following, submitting] = readme.blocks(SECTION, "python")
    said = call(tmp_path, "southbound")
    async with run(stack, "publisher", tmp_path, *script(tmp_path, submitting)) as sender:
        check(await printed(sender), said)
    async with run(stack, "subscriber", tmp_path, *script(tmp_path, following)) as follower:
        assert said.text.split()[0] in await line_with(follower.stdout, said.text.split()[0])


async def test_go_submits_and_hears_what_becomes_of_it(stack: RunningStack, tmp_path: Path) -> None:
    [source] = readme.blocks(SECTION, "go")
    program = tmp_path / "main.go"
    program.write_text(source, "utf-8")
    go = Go(FETCHED)
    assert go.run("gofmt", "-l", ".", folder=tmp_path) == ""
    go.run("go", "vet", ".", folder=tmp_path)
    go.run("go", "build", "-o", "example", ".", folder=tmp_path)
    said = call(tmp_path, "license-plate")
    async with run(stack, "publisher", tmp_path, str(tmp_path / "example")) as sender:
        check(await printed(sender), said)


def check(lines: list[str], said: Sample) -> None:
    """A call's events in their order, with its words."""
    types = [line.split()[0] for line in lines]
    assert types[:2] == ["queued", "started"]
    assert types[2:-1] == ["segment"] * (len(lines) - 3)
    assert types[-1] == "completed"
    words = " ".join(line.partition(" ")[2] for line in lines[2:-1])
    assert words == said.text


# --- the stand-in ---


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("pub --jetstraem a b", "unknown long flag '--jetstraem'"),
        ("pub --raw a b", "unknown long flag '--raw'"),
        ("sub -x a", "unknown short flag '-x'"),
        ("sub a --stream", "expected argument for flag '--stream'"),
        ("publsh a", "knows no command 'publsh'"),
        ("sub --queue q a", r"does not do \['queue'\]"),
    ],
)
def test_a_line_that_nats_would_not_take_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(stand_in_nats.Usage, match=complaint):
        stand_in_nats.parse(line.split())


def test_flags_may_stand_anywhere_and_hold_their_value() -> None:
    found = stand_in_nats.parse(["--inbox-prefix=x", "sub", "a", "--stream", "S", "-r", "--new"])
    assert (found.command, found.words) == ("sub", ["a"])
    assert found.given == {"inbox-prefix": ["x"], "stream": ["S"], "raw": [""], "new": [""]}
