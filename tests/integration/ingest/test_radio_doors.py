"""Calls by the recorders' doors: what is kept of them, who may send, what happens in bad times."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import httpx
import msgspec
import pytest

from shared import object_keys
from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.keys import Limit
from shared.messages import Job, Queued, Recording
from shared.settings import SiteSettings
from shared.topology import KEYS
from tests.support import audio_files, radio
from tests.support.access import made
from tests.support.ingest import Ingest, events, files, jobs, serving, until
from tests.support.ingest_http import Backend
from tests.support.radio import META, META_UPLOAD, TAKEN, UPLOAD, sdrtrunk, without

WAV = audio_files.wav()
OPENMHZ = "/openmhz/county/upload"


async def post(
    ingest: Ingest,
    fields: Mapping[str, str],
    path: str = UPLOAD,
    audio: bytes = WAV,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send a form as any library does."""
    file = {"call" if path.startswith("/openmhz") else "audio": ("a.mp3", audio)}
    return await ingest.http.post(path, data=dict(fields), files=file, headers=headers)


async def forwarded(ingest: Ingest, count: int = 1) -> None:
    """Wait until so many recordings are in the store and in the queue."""
    await until(lambda: sum(not held.waiting for held in ingest.spool.held) == count)


async def known(ingest: Ingest) -> None:
    """Wait until the service knows that there are keys."""
    asked, path = {"api_key": "wrong"}, "/openmhz/county/authorize"
    async with asyncio.timeout(20.0):
        while (await ingest.http.post(path, data=asked)).status_code != 403:
            pass


# --- what is kept ---


@pytest.mark.parametrize(
    ("path", "fields", "source", "frequency"),
    [
        (UPLOAD, radio.TRUNK_RECORDER, "11", "frequencies"),
        (META_UPLOAD, {"key": "", "system": "11", "meta": META}, "11", "frequencies"),
        (OPENMHZ, radio.TRUNK_RECORDER_OPENMHZ, "county", "errors"),
    ],
)
async def test_what_a_call_says_is_on_its_recording_its_event_and_its_job(
    ingest: Ingest,
    backend: Backend,
    path: str,
    fields: Mapping[str, str],
    source: str,
    frequency: str,
) -> None:
    assert (await post(ingest, fields, path)).status_code == 200
    await forwarded(ingest)
    (held,) = ingest.spool.held
    id = held.entry.recording.id
    stored = await backend.store.get(object_keys.record(id))
    recording = msgspec.json.decode(stored, type=Recording)
    (event,) = [msgspec.json.decode(m.data, type=Queued) for m in await events(backend.bus)]
    (job,) = [msgspec.json.decode(m.data, type=Job) for m in await jobs(backend.bus)]
    assert recording.metadata == event.metadata == job.metadata
    assert (recording.source, recording.channel) == (source, "54241")
    assert recording.start is not None
    assert recording.metadata["talkgroup"] == 54241
    assert recording.metadata["system_label"] == "county"
    assert recording.metadata["unit"] == 1701
    assert recording.metadata["frequency"] == 851012500
    assert recording.metadata["sources"]
    assert frequency in recording.metadata
    assert job.lane == "live"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (UPLOAD, {**radio.TRUNK_RECORDER, "emergency": "1"}),
        (META_UPLOAD, {"system": "11", "meta": META.replace('"emergency": 0', '"emergency": 1')}),
        (OPENMHZ, {**radio.TRUNK_RECORDER_OPENMHZ, "emergency": "1"}),
    ],
)
async def test_an_emergency_goes_before_all_others(
    ingest: Ingest, backend: Backend, path: str, fields: Mapping[str, str]
) -> None:
    assert (await post(ingest, fields, path)).status_code == 200
    await forwarded(ingest)
    assert [message.subject for message in await jobs(backend.bus)] == ["echobase.jobs.urgent"]
    (event,) = [msgspec.json.decode(m.data, type=Queued) for m in await events(backend.bus)]
    assert event.metadata["emergency"] is True


async def test_what_a_door_does_not_know_is_kept(ingest: Ingest) -> None:
    fields = {**radio.SDRTRUNK, "mood": "calm", "file": "text"}
    assert (await post(ingest, fields)).text == TAKEN.decode()
    (held,) = ingest.spool.held
    assert held.entry.recording.metadata["more"] == {"mood": "calm", "file": "text"}


async def test_more_text_than_can_be_kept_loses_no_call(ingest: Ingest) -> None:
    fields = {**radio.SDRTRUNK, "much": "x" * 900_000, "more": "y" * 500_000, "last": "z"}
    assert (await post(ingest, fields)).text == TAKEN.decode()
    (held,) = ingest.spool.held
    metadata = held.entry.recording.metadata
    assert metadata["left_out"] == ["much"]
    assert len(msgspec.json.encode(metadata)) < 16 * 1024


@pytest.mark.parametrize("levels", [100, 900, 5_000])
async def test_json_of_many_levels_loses_no_call(ingest: Ingest, levels: int) -> None:
    deep = f'{{"talkgroup": 7, "deep": {"[" * levels}{"]" * levels}}}'
    fields = {**radio.SDRTRUNK, "meta": deep, "sources": "[" * levels}
    assert (await post(ingest, fields, META_UPLOAD)).text == TAKEN.decode()


async def test_text_of_windows_is_understood(ingest: Ingest) -> None:
    # Java before 18 writes what the system is set to; a name of a file, too.
    body = radio.sdrtrunk_form(
        {**radio.SDRTRUNK, "talkgroupLabel": "Süd"},
        'filename="Süd.mp3"; name="audio"',
        WAV,
    ).replace("Süd".encode(), "Süd".encode("cp1252"))
    head = radio.sdrtrunk_head(UPLOAD, ingest.port, len(body))
    assert (await radio.sent(ingest.port, head, body)).body == TAKEN
    (held,) = ingest.spool.held
    assert held.entry.recording.metadata["talkgroup_label"] == "Süd"
    assert held.entry.recording.filename == "Süd.mp3"


# --- bad times ---


async def test_calls_are_taken_while_store_and_bus_are_away(
    tmp_path: Path, backend: Backend
) -> None:
    backend.store.away = backend.bus.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        for path, fields in (
            (UPLOAD, radio.TRUNK_RECORDER),
            (META_UPLOAD, {"system": "11", "meta": META}),
            (OPENMHZ, radio.TRUNK_RECORDER_OPENMHZ),
        ):
            assert (await post(ingest, fields, path)).status_code == 200
            assert (await post(ingest, fields, path)).status_code == 200
        assert len(list(ingest.spool.held)) == 3
    backend.store.away = backend.bus.away = False
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        await forwarded(ingest, 3)
    assert len(await jobs(backend.bus)) == 3


async def test_a_full_disk_is_told_to_calls_and_to_the_probe(
    tmp_path: Path, backend: Backend
) -> None:
    # SDRTrunk keeps its calls as long as its probe is answered otherwise than well.
    async with serving(tmp_path, backend.store, backend.bus, spool_bytes=1_000) as ingest:
        for audio, fields in ((WAV, radio.SDRTRUNK), (None, radio.SDRTRUNK_PROBE)):
            reply = await sdrtrunk(ingest.port, fields, audio)
            assert reply.status == 507
            assert b"ECHOBASE_SPOOL_MAX_BYTES" in reply.body
        assert (await post(ingest, radio.SDRTRUNK_OPENMHZ, OPENMHZ)).status_code == 507
        await until(lambda: files(ingest.spool.folder) == [])


async def test_what_is_no_audio_is_refused_in_text_and_in_the_log(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await post(
            ingest, radio.SDRTRUNK, audio=b"no audio at all, but long enough for it"
        )
        assert answer.text == "Incomplete call data: no audio\n\n"
        answer = await post(ingest, radio.SDRTRUNK, audio=b"no audio at all" * 10)
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("the file is no audio that we accept: it is text")
    assert "abc" not in answer.text
    found = [record for record in caplog.records if record.message == "call not taken"]
    assert [record.levelname for record in found] == ["WARNING", "WARNING"]
    await until(lambda: files(ingest.spool.folder) == [])


async def test_a_call_that_is_too_large_is_refused_in_text(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path, backend.store, backend.bus, max_bytes=len(WAV) - 1) as ingest:
        answer = await post(ingest, radio.SDRTRUNK)
        assert answer.status_code == 413
        assert "ECHOBASE_MAX_UPLOAD_BYTES" in answer.text
        head = radio.curl_head(UPLOAD, ingest.port, 100_000_000, "Expect: 100-continue")
        assert (await radio.sent(ingest.port, head)).status == 413


async def test_the_probe_is_no_cause_for_alarm(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await sdrtrunk(ingest.port, radio.SDRTRUNK_PROBE, None)
        await sdrtrunk(ingest.port, radio.SDRTRUNK, WAV)
    assert [r for r in caplog.records if r.levelno > logging.INFO] == []


# --- who may send ---


@pytest.mark.parametrize(
    ("key", "header", "value", "status"),
    [
        ("clé", "", "", 200),
        (None, "X-API-Key", "clé", 200),
        (None, "Authorization", "Bearer clé", 200),
        ("wrong", "X-API-Key", "clé", 200),
        (None, "", "", 401),
        ("", "", "", 401),
        ("wrong", "", "", 401),
        (None, "X-API-Key", "wrong", 401),
        # The page's cookie is for the page.
        (None, "Cookie", "echobase_session=clé", 401),
    ],
)
async def test_a_key_counts_by_the_doors_own_way_and_by_header(
    tmp_path: Path, backend: Backend, key: str | None, header: str, value: str, status: int
) -> None:
    fields = without(radio.SDRTRUNK, "key") if key is None else {**radio.SDRTRUNK, "key": key}
    headers = {header.encode(): value.encode()} if header else {}
    site = SiteSettings(api_key="clé")
    async with serving(tmp_path, backend.store, backend.bus, site=site) as ingest:
        file = {"audio": ("a.mp3", WAV)}
        answer = await ingest.http.post(UPLOAD, data=fields, files=file, headers=headers)
        assert answer.status_code == status


async def test_a_key_reaches_what_its_limits_say(tmp_path: Path, backend: Backend) -> None:
    limits = (Limit(source="11", channel="54*"), Limit(source="county", channel="54*"))
    key, record = made("ingest", limits=limits)
    reader, other = made("read", id="11111111")
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        values = KeyValue(backend.bus, KEYS)
        for each in (record, other):
            await values.put(f"{KEY}{each.id}", msgspec.json.encode(each))
        await known(ingest)
        rdio, mhz = ({**fields} for fields in (radio.SDRTRUNK, radio.SDRTRUNK_OPENMHZ))
        rdio["key"] = mhz["api_key"] = key
        strange = "Invalid API key for system {} talkgroup {}.\n"
        for path, fields, text in (
            (UPLOAD, rdio, TAKEN.decode()),
            (UPLOAD, {**rdio, "system": "12"}, strange.format(12, 54241)),
            (UPLOAD, {**rdio, "talkgroup": "7"}, strange.format(11, 7)),
            (UPLOAD, {**rdio, "key": reader}, strange.format(11, 54241)),
            (META_UPLOAD, {**rdio, "meta": META}, TAKEN.decode()),
            (META_UPLOAD, {**rdio, "system": "12", "meta": META}, strange.format(12, 54241)),
            (OPENMHZ, mhz, ""),
            (OPENMHZ, {**mhz, "talkgroup_num": "7"}, "Talkgroup does not exist, skipping.\n"),
            ("/openmhz/metro/upload", mhz, "ShortName does not exist: metro\n"),
            (OPENMHZ, {**mhz, "api_key": reader}, "API Keys do not match!\n"),
        ):
            assert (await post(ingest, fields, path)).text == text
        for path, given, status, text in (
            ("/openmhz/county/authorize", key, 200, ""),
            ("/openmhz/metro/authorize", key, 500, "Invalid System Name\n"),
            ("/openmhz/county/authorize", reader, 403, "Invalid API Key\n"),
        ):
            answer = await ingest.http.post(path, data={"api_key": given})
            assert (answer.status_code, answer.text) == (status, text)
        probe = {"key": key, "system": "12", "test": "1"}
        assert (await sdrtrunk(ingest.port, probe, None)).status == 401


async def test_no_rate_holds_calls_back(tmp_path: Path, backend: Backend) -> None:
    site = SiteSettings(api_key="abc")
    async with serving(tmp_path, backend.store, backend.bus, site=site) as ingest:
        for _ in range(3):
            answer = await post(ingest, radio.SDRTRUNK)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_other_sites_pages_send_no_calls(ingest: Ingest) -> None:
    answer = await post(ingest, radio.SDRTRUNK, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert not list(ingest.spool.held)


# --- how it is described ---


async def test_the_description_has_every_field_with_an_example(ingest: Ingest) -> None:
    paths = (await ingest.http.get("/ingest/openapi.json")).json()["paths"]
    for path, field in (
        (UPLOAD, "talkerAlias"),
        (META_UPLOAD, "meta"),
        ("/openmhz/{shortName}/upload", "source_list"),
        ("/openmhz/{shortName}/authorize", "api_key"),
    ):
        operation = paths[path]["post"]
        ((_, body),) = operation["requestBody"]["content"].items()
        assert body["examples"]
        fields = body["schema"]["properties"]
        assert field in fields
        assert all(described["description"] for described in fields.values())
        assert operation["security"] == [{"key": ["ingest"]}, {"bearer": ["ingest"]}, {}]
        replies = operation["responses"]
        assert all("text/plain" in reply["content"] for reply in replies.values())
        assert all(reply["content"]["text/plain"]["examples"] for reply in replies.values())
        named = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert named == ({"shortName"} if "openmhz" in path else set())
