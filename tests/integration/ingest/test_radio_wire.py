"""The doors for calls, byte for byte: what recorders send, and what they must hear."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from shared.identity import recording_id
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.settings import SiteSettings
from tests.support import audio_files, radio
from tests.support.ingest import NOON, Ingest, files, serving, until
from tests.support.radio import PROBED, TAKEN, Line, Reply, sdrtrunk, trunk_recorder, without

KEY = "abc"
WAV = audio_files.wav()
ID = recording_id("11", "54241", NOON, hashlib.sha256(WAV).hexdigest())
WRONG = {**radio.SDRTRUNK, "key": "wrong"}


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncGenerator[Ingest, None]:
    """The service, with a key, and neither store nor bus."""
    store, bus = MemoryStore(), MemoryBus()
    store.away = bus.away = True
    async with serving(tmp_path, store, bus, site=SiteSettings(api_key=KEY)) as service:
        yield service


def only(ingest: Ingest) -> bytes:
    """The audio of the one recording that is kept, which has the id that it must have."""
    (held,) = ingest.spool.held
    assert held.entry.recording.id == ID
    return ingest.spool.audio(held).read_bytes()


def said(reply: Reply) -> tuple[int, bytes]:
    """An answer, which is plain text."""
    assert "content-type: text/plain; charset=utf-8" in reply.head
    return reply.status, reply.body


# --- SDRTrunk, to rdio-scanner's door ---


async def test_sdrtrunks_call_is_taken_and_kept_to_the_byte(ingest: Ingest) -> None:
    assert said(await sdrtrunk(ingest.port, radio.SDRTRUNK, WAV)) == (200, TAKEN)
    assert only(ingest) == WAV


async def test_sdrtrunks_call_twice_is_one_recording(ingest: Ingest) -> None:
    for _ in range(2):
        assert said(await sdrtrunk(ingest.port, radio.SDRTRUNK, WAV)) == (200, TAKEN)
    assert only(ingest) == WAV


async def test_sdrtrunks_call_twice_at_once_is_one_recording(ingest: Ingest) -> None:
    both = (sdrtrunk(ingest.port, radio.SDRTRUNK, WAV) for _ in range(2))
    assert [said(reply) for reply in await asyncio.gather(*both)] == 2 * [(200, TAKEN)]
    assert only(ingest) == WAV


async def test_sdrtrunks_probe_finds_a_server(ingest: Ingest) -> None:
    # It goes by HTTP/1.1, and its last value ends with a line of its own.
    reply = await sdrtrunk(ingest.port, radio.SDRTRUNK_PROBE, None, http2=False)
    assert said(reply) == (417, PROBED)
    assert files(ingest.spool.folder) == []


async def test_sdrtrunks_probe_with_a_wrong_key_is_told(ingest: Ingest) -> None:
    fields = {**radio.SDRTRUNK_PROBE, "key": "wrong"}
    reply = await sdrtrunk(ingest.port, fields, None, http2=False)
    assert said(reply) == (401, b"Invalid API key for system 11 talkgroup 0.\n")


async def test_sdrtrunk_with_a_wrong_key_is_refused(ingest: Ingest) -> None:
    reply = await sdrtrunk(ingest.port, WRONG, WAV)
    assert said(reply) == (401, b"Invalid API key for system 11 talkgroup 54241.\n")
    await until(lambda: files(ingest.spool.folder) == [])


@pytest.mark.parametrize(
    ("lacking", "what"),
    [
        (("dateTime",), b"no datetime"),
        (("system",), b"no system"),
        (("talkgroup",), b"no talkgroup"),
        # The last check that fails is the one that is told.
        (("dateTime", "system"), b"no system"),
        (("system", "talkgroup"), b"no talkgroup"),
    ],
)
async def test_sdrtrunks_call_that_lacks_something(
    ingest: Ingest, lacking: tuple[str, ...], what: bytes
) -> None:
    reply = await sdrtrunk(ingest.port, without(radio.SDRTRUNK, *lacking), WAV)
    assert said(reply) == (417, b"Incomplete call data: " + what + b"\n\n")
    await until(lambda: files(ingest.spool.folder) == [])


@pytest.mark.parametrize("audio", [None, b"", WAV[:44]])
async def test_a_call_without_audio(ingest: Ingest, audio: bytes | None) -> None:
    reply = await sdrtrunk(ingest.port, radio.SDRTRUNK, audio)
    assert said(reply) == (417, b"Incomplete call data: no audio\n\n")


async def test_a_connection_that_asks_for_http2_takes_call_after_call(ingest: Ingest) -> None:
    line = Line(*await asyncio.open_connection("127.0.0.1", ingest.port))
    for pitch in (300.0, 400.0, 500.0):
        audio = audio_files.wav(0.2, pitch=pitch)
        body = radio.sdrtrunk_form(radio.SDRTRUNK, radio.RDIO_FILE, audio)
        await line.say(radio.sdrtrunk_head(radio.UPLOAD, ingest.port, len(body)), body)
        assert said(await line.answer()) == (200, TAKEN)
    line.writer.close()
    assert len(list(ingest.spool.held)) == 3


# --- trunk-recorder, to rdio-scanner's doors ---


async def test_trunk_recorders_call_is_taken_and_kept_to_the_byte(ingest: Ingest) -> None:
    for _ in range(2):
        assert said(await trunk_recorder(ingest.port, radio.TRUNK_RECORDER, WAV)) == (200, TAKEN)
    assert only(ingest) == WAV


async def test_trunk_recorder_with_a_wrong_key_is_refused(ingest: Ingest) -> None:
    fields = radio.with_key(radio.TRUNK_RECORDER, "wrong")
    reply = await trunk_recorder(ingest.port, fields, WAV)
    assert said(reply) == (401, b"Invalid API key for system 11 talkgroup 54241.\n")
    await until(lambda: files(ingest.spool.folder) == [])


async def test_trunk_recorders_tags_that_break_its_json_lose_no_call(ingest: Ingest) -> None:
    broken = '[{ "pos": 0.00, "src": 1701, "tag": "Engine "7"" }]'
    fields = {**radio.TRUNK_RECORDER, "sources": broken}
    assert said(await trunk_recorder(ingest.port, fields, WAV)) == (200, TAKEN)
    assert only(ingest) == WAV


async def test_trunk_recorders_own_json_is_taken(ingest: Ingest) -> None:
    fields = {"key": KEY, "meta": radio.META, "system": "11"}
    for _ in range(2):
        reply = await trunk_recorder(ingest.port, fields, WAV, radio.META_UPLOAD)
        assert said(reply) == (200, TAKEN)
    assert len(list(ingest.spool.held)) == 1


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"key": "abc", "system": "11"}, 417, b"Incomplete call data: no talkgroup\n\n"),
        ({"key": "abc", "meta": radio.META}, 417, b"Incomplete call data: no system\n\n"),
        ({"key": "abc", "meta": "{", "system": "11"}, 417, b"Invalid call data\n"),
        (
            {"key": "x", "meta": radio.META, "system": "11"},
            401,
            b"Invalid API key for system 11 talkgroup 54241.\n",
        ),
    ],
)
async def test_trunk_recorders_own_json_that_cannot_be_taken(
    ingest: Ingest, fields: dict[str, str], status: int, text: bytes
) -> None:
    reply = await trunk_recorder(ingest.port, fields, WAV, radio.META_UPLOAD)
    assert said(reply) == (status, text)


async def test_curl_waits_for_100_continue_and_is_told(ingest: Ingest) -> None:
    body = radio.curl_form("audio", "a.wav", WAV, radio.TRUNK_RECORDER)
    line = Line(*await asyncio.open_connection("127.0.0.1", ingest.port))
    head = radio.curl_head(radio.UPLOAD, ingest.port, len(body), "Expect: 100-continue")
    await line.say(head)
    assert (await line.answer()).status == 100
    await line.say(body)
    assert said(await line.answer()) == (200, TAKEN)
    line.writer.close()


# --- what is no call ---


@pytest.mark.parametrize("path", [radio.UPLOAD, radio.META_UPLOAD])
@pytest.mark.parametrize(
    ("lines", "status", "text"),
    [
        (("POST {} HTTP/1.1", "Content-Length: 0"), 400, b"Invalid content-type\n"),
        (
            ("POST {} HTTP/1.1", "Content-Length: 0", "Content-Type: ; a=b"),
            400,
            b"Invalid content-type\n",
        ),
        (
            ("POST {} HTTP/1.1", "Content-Length: 2", "Content-Type: application/json"),
            400,
            b"Not a multipart content\n",
        ),
        (("GET {} HTTP/1.1",), 405, b"Unsupported method\n"),
        (("PUT {} HTTP/1.1", "Content-Length: 0"), 405, b"Unsupported method\n"),
        (("DELETE {} HTTP/1.1",), 405, b"Unsupported method\n"),
    ],
)
async def test_what_is_no_upload(
    ingest: Ingest, path: str, lines: tuple[str, ...], status: int, text: bytes
) -> None:
    head = "\r\n".join((lines[0].format(path), *lines[1:], "Host: localhost", "", ""))
    body = b"{}" if "Content-Length: 2" in lines else b""
    assert said(await radio.sent(ingest.port, head.encode(), body)) == (status, text)


async def test_a_form_that_breaks_off_is_told_what_is_wrong(ingest: Ingest) -> None:
    body = radio.sdrtrunk_form(radio.SDRTRUNK, radio.RDIO_FILE, WAV)[:-20]
    head = radio.sdrtrunk_head(radio.UPLOAD, ingest.port, len(body))
    status, text = said(await radio.sent(ingest.port, head, body))
    assert (status, text[:11], text[-2:]) == (417, b"multipart: ", b"\n\n")
    await until(lambda: files(ingest.spool.folder) == [])


# --- OpenMHz ---


async def openmhz(port: int, fields: dict[str, str], audio: bytes | None, file: str) -> Reply:
    return await sdrtrunk(port, fields, audio, "/openmhz/county/upload", file)


async def test_sdrtrunks_call_to_openmhz_is_taken(ingest: Ingest) -> None:
    for _ in range(2):
        reply = await openmhz(ingest.port, {**radio.SDRTRUNK_OPENMHZ}, WAV, radio.OPENMHZ_FILE)
        assert (reply.status, reply.body) == (200, b"")
    (held,) = ingest.spool.held
    assert ingest.spool.audio(held).read_bytes() == WAV


async def test_trunk_recorders_call_to_openmhz_is_taken(ingest: Ingest) -> None:
    fields, path = radio.TRUNK_RECORDER_OPENMHZ, "/openmhz/county/upload"
    for _ in range(2):
        reply = await trunk_recorder(ingest.port, fields, WAV, path, "call", "call.m4a")
        assert (reply.status, reply.body) == (200, b"")
    assert len(list(ingest.spool.held)) == 1


async def test_openmhz_refuses_in_its_own_words(ingest: Ingest) -> None:
    fields = {**radio.SDRTRUNK_OPENMHZ}
    for given, audio, file, text in (
        ({**fields, "api_key": "x"}, WAV, radio.OPENMHZ_FILE, b"API Keys do not match!\n"),
        (without(fields, "api_key"), WAV, radio.OPENMHZ_FILE, b"API Keys do not match!\n"),
        (fields, None, "", b"Error, invalid filename:\n"),
        (fields, WAV, 'name="call"; filename="a.txt"', b"Error, invalid filename:\n"),
    ):
        assert said(await openmhz(ingest.port, given, audio, file)) == (500, text)
    assert not list(ingest.spool.held)


@pytest.mark.parametrize(
    ("key", "status", "text"), [("abc", 200, b""), ("x", 403, b"Invalid API Key\n")]
)
async def test_sdrtrunk_asks_openmhz_whether_its_key_is_right(
    ingest: Ingest, key: str, status: int, text: bytes
) -> None:
    body = f"api_key={key}".encode()
    head = (
        "POST /openmhz/county/authorize HTTP/1.1",
        f"Content-Length: {len(body)}",
        f"Host: localhost:{ingest.port}",
        "Content-Type: application/x-www-form-urlencoded",
        "User-Agent: sdrtrunk",
    )
    reply = await radio.sent(ingest.port, "\r\n".join((*head, "", "")).encode(), body)
    assert (reply.status, reply.body) == (status, text)
