"""Uploads over HTTP, by a real uvicorn."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from shared.messages import Job, Options, decode
from tests.support import audio_files
from tests.support.ingest import MIB, SITE, Ingest, events, files, jobs, serving, until
from tests.support.ingest_http import ID, WAV, Backend, nothing_left, problem


async def test_a_form_is_taken(ingest: Ingest, backend: Backend) -> None:
    response = await ingest.http.post(
        "/v1/recordings",
        files={"file": ("call.wav", WAV, "audio/wav")},
        data={
            "source": "county",
            "channel": "fire",
            "start": "2026-03-01T12:00:00Z",
            "lane": "urgent",
            "language": "EN",
            "words": "true",
            "metadata": '{"incident": 42}',
            "correlation_id": "call-1",
        },
    )
    assert response.status_code == 202
    answer = response.json()
    id = answer["id"]
    assert answer == {
        "id": id,
        "version": 1,
        "status": "accepted",
        "events": f"http://localhost:3000/v1/events?recording={id}",
        "transcript": f"http://localhost:3000/v1/recordings/{id}/transcript.json?version=1",
    }
    assert response.headers["location"] == f"http://localhost:3000/v1/recordings/{id}"
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    (message,) = await jobs(backend.bus)
    job = decode(message.data, Job)
    assert message.subject == "echobase.jobs.urgent"
    assert job.options == Options(language="en", words=True)
    assert (job.source, job.channel, job.duration) == ("county", "fire", 1.0)
    assert (job.metadata, job.correlation_id) == ({"incident": 42}, "call-1")
    assert backend.store.objects[job.audio] == WAV


@pytest.mark.parametrize("content_type", ["audio/wav", "application/octet-stream", None])
async def test_a_bare_body_is_taken(ingest: Ingest, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = await ingest.http.post(
        "/v1/recordings", content=WAV, headers=headers, params={"filename": "a b.wav"}
    )
    assert response.status_code == 202
    assert response.json()["id"] == ID
    (held,) = ingest.spool.held
    assert held.entry.recording.filename == "a b.wav"


async def test_a_chunked_body_is_taken(ingest: Ingest) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(WAV), 1_000):
            yield WAV[start : start + 1_000]

    response = await ingest.http.post("/v1/recordings", content=pieces())
    assert response.status_code == 202
    assert response.json()["id"] == ID


@pytest.mark.parametrize("kind", audio_files.KINDS)
async def test_every_accepted_container_is_taken(
    ingest: Ingest, backend: Backend, tmp_path: Path, kind: str
) -> None:
    content = audio_files.write(tmp_path / "call", kind).read_bytes()
    response = await ingest.http.post("/v1/recordings", files={"file": (f"call.{kind}", content)})
    assert response.status_code == 202
    (held,) = ingest.spool.held
    assert held.entry.recording.duration == pytest.approx(2.0, abs=0.15)
    assert backend.store.objects[held.entry.recording.audio] == content


async def test_the_same_again_is_known_and_makes_no_second_job(
    ingest: Ingest, backend: Backend
) -> None:
    answers = [(await ingest.http.post("/v1/recordings", content=WAV)).json() for _ in range(3)]
    assert [answer["status"] for answer in answers] == ["accepted", "known", "known"]
    assert {(answer["id"], answer["version"]) for answer in answers} == {(ID, 1)}
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    assert len(await jobs(backend.bus)) == 1


async def test_the_same_at_once_is_one_recording(ingest: Ingest, backend: Backend) -> None:
    responses = await asyncio.gather(
        *(ingest.http.post("/v1/recordings", content=WAV) for _ in range(20))
    )
    answers = [response.json() for response in responses]
    assert sorted(answer["status"] for answer in answers) == ["accepted"] + ["known"] * 19
    assert {(answer["id"], answer["version"]) for answer in answers} == {(ID, 1)}
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    assert len(await jobs(backend.bus)) == 1


async def test_the_same_after_it_left_the_spool_is_known(tmp_path: Path, backend: Backend) -> None:
    async with serving(tmp_path, backend.store, backend.bus, keep=0.0) as ingest:
        first = await ingest.http.post("/v1/recordings", content=WAV)
        await until(lambda: not list(ingest.spool.held))
        again = await ingest.http.post("/v1/recordings", content=WAV)
        assert (first.json()["status"], again.json()["status"]) == ("accepted", "known")
        assert again.json()["version"] == 1
        other = await ingest.http.post("/v1/recordings", content=WAV, params={"words": "1"})
        assert (other.json()["status"], other.json()["version"]) == ("accepted", 2)
        await until(lambda: not list(ingest.spool.held))
    assert len(await jobs(backend.bus)) == 2


async def test_a_full_spool_is_507_and_takes_again_when_there_is_room(
    tmp_path: Path, backend: Backend
) -> None:
    backend.store.away = True
    async with serving(tmp_path, backend.store, backend.bus, spool_bytes=40_000) as ingest:
        for pitch in (440, 450):
            response = await ingest.http.post(
                "/v1/recordings", content=audio_files.wav(1, 8000, pitch)
            )
            assert response.status_code == 202
        before = files(tmp_path)
        for way in ("raw", "chunked"):
            content = audio_files.wav(1.0, pitch=460)
            response = await ingest.http.post(
                "/v1/recordings", content=content if way == "raw" else _once(content)
            )
            found = problem(response, 507)
            assert found["type"] == "urn:echobase:full"
            assert files(tmp_path) == before
        backend.store.away = False
        await until(lambda: not any(held.waiting for held in ingest.spool.held))
        response = await ingest.http.post("/v1/recordings", content=audio_files.wav(1.0, pitch=460))
        assert response.status_code == 202


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_a_full_disk_is_507(tmp_path: Path, backend: Backend) -> None:
    async with serving(tmp_path, backend.store, backend.bus, least_free=2**62) as ingest:
        response = await ingest.http.post("/v1/recordings", content=WAV)
        found = problem(response, 507)
        assert "ECHOBASE_SPOOL_MIN_FREE_BYTES" in str(found["detail"])
        await nothing_left(ingest, backend)


async def test_without_store_and_bus_uploads_succeed_and_leave_when_they_come(
    tmp_path: Path, backend: Backend
) -> None:
    backend.store.away = backend.bus.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        response = await ingest.http.post("/v1/recordings", content=WAV)
        assert response.status_code == 202
        assert response.json()["version"] is None
        assert response.json()["transcript"].endswith("/transcript.json")
        ready = await ingest.http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert "wait here" in ready.json()["checks"]["bus"]["detail"]
        view = (await ingest.http.get(f"/v1/spool/{ID}")).json()["entries"][0]
        assert (view["status"], view["version"]) == ("waiting", None)
        assert "away" in view["error"]
        backend.store.away = backend.bus.away = False
        await until(lambda: not any(held.waiting for held in ingest.spool.held))
        view = (await ingest.http.get(f"/v1/spool/{ID}")).json()["entries"][0]
        assert (view["status"], view["version"], view["error"]) == ("forwarded", 1, None)
        assert (await ingest.http.get("/health/ready")).json()["status"] == "ok"
    assert len(await jobs(backend.bus)) == 1


async def test_a_recording_that_is_not_spooled_is_404(ingest: Ingest) -> None:
    for id in (ID, "nonsense", "..%2f..%2fetc"):
        problem(await ingest.http.get(f"/v1/spool/{id}"), 404)


async def test_the_key_is_asked_for_when_there_is_one(tmp_path: Path, backend: Backend) -> None:
    site = msgspec.structs.replace(SITE, api_key="secret")
    async with serving(tmp_path, backend.store, backend.bus, site=site) as ingest:
        for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}):
            # Larger than what fits between the two: the answer must arrive all the same.
            response = await ingest.http.post(
                "/v1/recordings", content=bytes(8 * MIB), headers=headers
            )
            problem(response, 401)
            problem(await ingest.http.get(f"/v1/spool/{ID}", headers=headers), 401)
        await nothing_left(ingest, backend)
        for headers in ({"x-api-key": "secret"}, {"authorization": "Bearer secret"}):
            response = await ingest.http.post("/v1/recordings", content=WAV, headers=headers)
            assert response.status_code == 202
        assert (await ingest.http.get("/health/live")).status_code == 200
        assert (await ingest.http.get("/ingest/docs")).status_code == 200


async def test_only_the_page_may_call_from_a_browser(ingest: Ingest, backend: Backend) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    allowed = await ingest.http.options(
        "/v1/recordings", headers={"origin": "http://localhost:3000", **ask}
    )
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert allowed.headers["access-control-allow-credentials"] == "true"
    other = {"origin": "https://evil.example"}
    refused = await ingest.http.options("/v1/recordings", headers={**other, **ask})
    assert "access-control-allow-origin" not in refused.headers
    problem(await ingest.http.post("/v1/recordings", content=WAV, headers=other), 403)
    rebound = {"host": "evil.example"}
    problem(await ingest.http.post("/v1/recordings", content=WAV, headers=rebound), 421)
    await nothing_left(ingest, backend)


@pytest.mark.parametrize("field", ["source", "channel", "filename"])
async def test_a_query_that_is_not_utf_8_is_refused_as_a_form_is(
    ingest: Ingest, backend: Backend, field: str
) -> None:
    by_query = await ingest.http.post(f"/v1/recordings?{field}=a%ffb", content=WAV)
    form = {field: (None, b"a\xffb"), "file": ("a.wav", WAV)}
    by_form = await ingest.http.post("/v1/recordings", files=form)
    for answer in (by_query, by_form):
        found = problem(answer, 400)
        assert (found["field"], found["limit"]) == (field, "UTF-8")
    await nothing_left(ingest, backend)


async def test_a_wrong_method_and_a_wrong_path_are_problems(ingest: Ingest) -> None:
    problem(await ingest.http.get("/v1/recordings"), 405)
    problem(await ingest.http.post("/v1/recording", content=WAV), 404)


async def test_the_description_is_complete(ingest: Ingest) -> None:
    schema = (await ingest.http.get("/ingest/openapi.json")).json()
    upload = schema["paths"]["/v1/recordings"]["post"]
    refusals = {"400", "401", "403", "408", "413", "415", "429", "507"}
    assert set(upload["responses"]) == {"200", "202", *refusals}
    assert "application/problem+json" in upload["responses"]["415"]["content"]
    assert upload["responses"]["202"]["content"]["application/json"]["examples"]
    form = upload["requestBody"]["content"]["multipart/form-data"]
    names = {parameter["name"] for parameter in upload["parameters"]}
    assert set(form["schema"]["properties"]) == names - {"wait"} | {"file"}
    assert form["schema"]["required"] == ["file"]
    assert all(parameter["description"] for parameter in upload["parameters"])
    assert form["examples"]
    assert set(schema["paths"]) == {
        "/api/call-upload",
        "/api/trunk-recorder-call-upload",
        "/openmhz/{shortName}/upload",
        "/openmhz/{shortName}/authorize",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/channels/{source}/{channel}",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/recordings",
        "/v1/recordings/{recording_id}",
        "/v1/recordings/{recording_id}/hold",
        "/v1/recordings/{recording_id}/versions",
        "/v1/spool",
        "/v1/spool/refused",
        "/v1/spool/refused/{key}",
        "/v1/spool/refused/{key}/retry",
        "/v1/spool/{recording_id}",
    }


async def test_a_job_carries_the_trace_of_its_upload_even_over_a_restart(
    tmp_path: Path, backend: Backend
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    backend.store.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        response = await ingest.http.post("/v1/recordings", content=WAV, headers=headers)
        assert response.status_code == 202
    backend.store.away = False
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        await until(lambda: not any(held.waiting for held in ingest.spool.held))
    for message in (*await jobs(backend.bus), *await events(backend.bus)):
        assert trace in message.headers["traceparent"]


async def test_an_upload_in_hand_is_finished_when_the_service_ends(
    tmp_path: Path, backend: Backend
) -> None:
    go = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield WAV[:1_000]
        await go.wait()
        yield WAV[1_000:]

    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        upload = asyncio.create_task(ingest.http.post("/v1/recordings", content=slowly()))
        await until(lambda: list((ingest.spool.folder / "incoming").iterdir()))
        ingest.stopping.set()
        await asyncio.sleep(0)
        go.set()
        assert (await upload).status_code == 202
    assert any(name.endswith("/audio") for name in files(tmp_path))
