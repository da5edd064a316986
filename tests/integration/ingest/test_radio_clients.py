"""The same as `test_radio_wire`, by the real clients, on machines that have them.

What they send is tried there to the byte, with nothing but a socket. So where there is no JDK, or
no curl, there is no such test here.
"""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.settings import SiteSettings
from tests.support import audio_files, radio
from tests.support.ingest import Ingest, serving
from tests.support.repository import ROOT

WAV = audio_files.wav()
TAKEN = "200 Call imported successfully.|"
STRANGER = "401 Invalid API key for system 11 talkgroup 54241.|"


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncGenerator[Ingest, None]:
    """The service, with a key, and neither store nor bus."""
    store, bus = MemoryStore(), MemoryBus()
    store.away = bus.away = True
    site = SiteSettings(api_key="abc")
    async with serving(tmp_path / "spool", store, bus, site=site) as service:
        yield service


async def output(*command: str) -> str:
    """What a program prints."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(120.0):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_java_sends_what_sdrtrunk_sends(ingest: Ingest, tmp_path: Path) -> None:
    bodies = {
        "call": radio.sdrtrunk_form(radio.SDRTRUNK, radio.RDIO_FILE, WAV),
        "wrong": radio.sdrtrunk_form({**radio.SDRTRUNK, "key": "x"}, radio.RDIO_FILE, WAV),
        "timeless": radio.sdrtrunk_form(
            radio.without(radio.SDRTRUNK, "dateTime"), radio.RDIO_FILE, WAV
        ),
        "probe": radio.sdrtrunk_form(radio.SDRTRUNK_PROBE),
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    found = await output(
        "java",
        str(ROOT / "tests/support/CallUploader.java"),
        f"{ingest.url}/api/call-upload",
        f"-{tmp_path / 'probe'}",
        *(str(tmp_path / name) for name in ("call", "call", "wrong", "timeless")),
    )
    assert found.splitlines() == [
        "417 Incomplete call data: no talkgroup||",
        TAKEN,
        TAKEN,
        STRANGER,
        "417 Incomplete call data: no datetime||",
    ]
    (held,) = ingest.spool.held
    assert ingest.spool.audio(held).read_bytes() == WAV


async def test_curl_sends_what_trunk_recorder_sends(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(WAV)
    replies: list[str] = []
    for key in ("abc", "abc", "x"):
        fields = radio.with_key(radio.TRUNK_RECORDER, key)
        given = [part for item in fields.items() for part in ("--form-string", "=".join(item))]
        file = f"audio=@{tmp_path / 'call.wav'};type=application/octet-stream"
        for more in (("-H", "Expect:"), ("-H", "Expect: 100-continue")):
            command = ("curl", "-sS", "-A", "TrunkRecorder1.0", *more, "-F", file, *given)
            url = f"{ingest.url}/api/call-upload"
            found = await output(*command, "-w", " %{http_code}", url)
            replies.append(found.replace("\n", "|"))
    assert replies == 4 * [f"{TAKEN[4:]} 200"] + 2 * [f"{STRANGER[4:]} 401"]
    (held,) = ingest.spool.held
    assert ingest.spool.audio(held).read_bytes() == WAV


# Not skipped but not there: only a machine that has the client can say anything. A file that is to
# be compiled first needs a JDK.
if not shutil.which("javac"):
    del test_java_sends_what_sdrtrunk_sends
if not shutil.which("curl"):
    del test_curl_sends_what_trunk_recorder_sends
