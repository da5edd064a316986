"""Both services keep to their OpenAPI descriptions, whatever they are sent: schemathesis tries it.

No 5xx, no status, media type, header or body that is not described, no route that answers without
its key. What it does not check, and why, is in `tests/support/schemathesis.toml`.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import httpx
import msgspec
import pytest
from litestar import Litestar, Response, get
from litestar.params import QueryParameter
from msgspec import Struct

from deploy.local.samples import samples
from shared.http.auth import PUBLIC
from shared.http.docs import openapi_config, openapi_json
from shared.http.problem import exception_handlers
from shared.http.scopes import ScopesDocumented
from shared.lifecycle import Lifecycle, address, listen
from shared.server import DrainingServer
from tests.support.openapi import Json, operations
from tests.support.repository import ROOT
from tests.support.schemathesis_hooks import RECORDINGS
from tests.support.stack import PATIENCE, RunningStack

pytestmark = pytest.mark.stack

KEY = "schemathesis"
CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")
CONFIGURATION = ROOT / "tests/support/schemathesis.toml"
NEVER_SUCCEED: Mapping[str, str] = {
    "POST /v1/spool/refused/{key}/retry": "a store that refuses a recording is needed",
    "DELETE /v1/spool/refused/{key}": "the same",
    "POST /api/call-upload": "random fields hardly ever make a call",
    "POST /api/trunk-recorder-call-upload": "the same",
    "POST /openmhz/{shortName}/upload": "a file's name has to end on .mp3 or .m4a",
    "POST /v1/audio/transcriptions": "a model's name is not guessed",
    "POST /v1/audio/translations": "the same",
    "POST /session": "a key is not guessed",
}
"""Operations of which no success is asked for here; other tests see to it."""


@dataclass(frozen=True)
class Tried:
    """What came of a run."""

    code: int
    output: str
    answers: list[tuple[str, str, int]]
    """Method, path and status of each answer."""

    def short(self) -> str:
        """What it complains of, without what it sent: that may be megabytes."""
        lines = [line[:400] for line in self.output.splitlines() if "curl -X" not in line]
        return "\n".join(lines[-150:])


class _Request(Struct):
    method: str
    url: str


class _Response(Struct):
    status: int


class _Entry(Struct):
    request: _Request
    response: _Response


class _Log(Struct):
    entries: list[_Entry]


class _Report(Struct):
    """Of an HTTP archive (HAR) what is looked at here."""

    log: _Log


async def schemathesis(folder: Path, url: str, recordings: Mapping[str, list[str]]) -> Tried:
    """Run schemathesis over the description at an address."""
    report = folder / "report.har"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={CONFIGURATION}",
        "run",
        url,
        f"--report-har-path={report}",
        cwd=folder,
        env={
            **os.environ,
            "ECHOBASE_TEST_KEY": KEY,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
            RECORDINGS: json.dumps(recordings),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return Tried(process.returncode or 0, output.decode(), list(_answers(report)))


def _answers(report: Path) -> Iterator[tuple[str, str, int]]:
    for entry in msgspec.json.decode(report.read_bytes(), type=_Report).log.entries:
        yield entry.request.method, httpx.URL(entry.request.url).path, entry.response.status


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with a key, whose event streams end soon."""
    running = RunningStack(
        tmp_path_factory.mktemp("locked"),
        ECHOBASE_API_KEY=KEY,
        ECHOBASE_RATE_LIMIT="off",
        ECHOBASE_ROTATE="0.1",
        ECHOBASE_HEARTBEAT="0.1",
        ECHOBASE_OFFLINE="true",
    )
    running.start()
    yield running
    assert running.stop() == 0


async def recordings(stack: RunningStack) -> dict[str, list[str]]:
    """Some that exist: with transcripts, one held, some to be deleted."""
    made: list[str] = []
    async with httpx.AsyncClient(timeout=PATIENCE, headers={"X-API-Key": KEY}) as http:
        for number in range(6):
            answer = await http.post(
                f"{stack.addresses.ingest}/v1/recordings",
                params={"source": "county", "channel": f"fire-{number}"},
                content=CALL.path.read_bytes(),
            )
            assert answer.status_code == 202, answer.text
            made.append(str(answer.json()["id"]))
        for id in made:
            await _transcribed(http, f"{stack.addresses.stream}/v1/recordings/{id}/transcript.json")
        hold = f"{stack.addresses.ingest}/v1/recordings/{made[1]}/hold"
        assert (await http.put(hold, json={"by": "a test", "why": "to look"})).status_code == 200
    return {"kept": made[:1], "held": made[1:2], "deleted": made[2:]}


async def _transcribed(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await http.get(url)).status_code != 200:  # noqa: ASYNC110 - it is not ours
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("service", ["stream", "ingest"])
async def test_a_service_keeps_to_its_description(
    locked: RunningStack, tmp_path: Path, service: str
) -> None:
    base = getattr(locked.addresses, service)
    url = f"{base}/openapi.json" if service == "stream" else f"{base}/ingest/openapi.json"
    tried = await schemathesis(tmp_path, url, await recordings(locked))
    assert tried.code == 0, tried.short()
    async with httpx.AsyncClient() as http:
        description = cast(Json, (await http.get(url)).json())
    assert never_succeeded(description, tried) == []


def never_succeeded(description: Json, tried: Tried) -> list[str]:
    """Operations of which no call succeeded: of those little was tried."""
    well = {(method, path) for method, path, status in tried.answers if status < 300}
    return [
        name
        for name, _ in operations(description)
        if name not in NEVER_SUCCEED and not any(_is(name, *called) for called in well)
    ]


def _is(name: str, method: str, path: str) -> bool:
    named, _, template = name.partition(" ")
    pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))
    return named == method and re.fullmatch(pattern, path) is not None


# --- the checker ---


class Words(Struct):
    """Some words."""

    words: list[str]


_PUBLIC: dict[str, object] = {PUBLIC: True}


@get("/well", summary="Well", opt=_PUBLIC)
async def well(count: Annotated[int, QueryParameter(ge=0, le=9)] = 1) -> Words:
    """Answer as described."""
    return Words(["word"] * count)


@get("/fails", summary="Fails", opt=_PUBLIC)
async def fails() -> Words:
    """Fail."""
    raise OSError("the disk is gone")


@get("/odd-status", summary="Has an odd status", opt=_PUBLIC)
async def odd_status() -> Response[Words]:
    """Answer with a status that is not described."""
    return Response(Words([]), status_code=418)


@get("/odd-body", summary="Has an odd body", opt=_PUBLIC)
async def odd_body() -> Response[Words]:
    """Answer with what is not described."""
    return Response(cast(Words, {"words": 7}))


@get("/odd-type", summary="Has an odd media type", opt=_PUBLIC)
async def odd_type() -> Response[Words]:
    """Answer with a media type that is not described."""
    return Response(cast(Words, "words"), media_type="text/plain")


@get("/unlocked", summary="Asks for no key")
async def unlocked() -> Words:
    """Answer whoever asks, though a key is said to be needed."""
    return Words([])


@asynccontextmanager
async def served(app: Litestar) -> AsyncGenerator[str]:
    """An application at an address."""
    life = Lifecycle("stream", {})
    listener = listen(life.site, 0, "PORT")
    started = asyncio.Event()
    server = DrainingServer(app, "h11", cut_after=5, on_start=started.set)
    serving = asyncio.create_task(server.serve_until(life.stopping, listener))
    await started.wait()
    try:
        yield address(listener)
    finally:
        life.stopping.set()
        await serving


async def test_planted_faults_are_found(tmp_path: Path) -> None:
    app = Litestar(
        [well, fails, odd_status, odd_body, odd_type, unlocked, openapi_json()],
        plugins=[ScopesDocumented()],
        exception_handlers=exception_handlers(),
        openapi_config=openapi_config("Planted", "Faults."),
        logging_config=None,
    )
    async with served(app) as url:
        tried = await schemathesis(tmp_path, f"{url}/openapi.json", {})
    assert tried.code == 1
    found = re.findall(r"^_+ GET /(\S+) _+$", tried.output, re.MULTILINE)
    planted = {"fails", "odd-body", "odd-status", "odd-type", "unlocked"}
    assert set(found) == planted, tried.short()
    for complaint in (
        "Server error",
        "Undocumented status code",
        "Response violates schema",
        "Undocumented Content-Type",
        "API accepts requests without authentication",
    ):
        assert complaint in tried.output, tried.short()
    described: Json = {"paths": {"/well": {"get": {}}, "/odd-status": {"get": {}}}}
    assert never_succeeded(described, tried) == ["GET /odd-status"]
