"""Another version of a recording, asked for over HTTP."""

from pathlib import Path

import httpx
import msgspec
import pytest

from shared import object_keys
from shared.messages import Job, Options, VersionRequest, decode
from tests.support.ingest import SITE, Ingest, events, files, jobs, serving, until
from tests.support.ingest_http import ID, WAV, Backend, problem

PATH = f"/v1/recordings/{ID}/versions"


async def upload(ingest: Ingest) -> None:
    """Have the recording in the store, its first job published."""
    metadata = '{"incident": 42}'
    query = {"metadata": metadata, "correlation_id": "call-1"}
    response = await ingest.http.post("/v1/recordings", content=WAV, params=query)
    assert response.status_code == 202
    await forwarded(ingest)


async def forwarded(ingest: Ingest) -> None:
    await until(lambda: not any(held.waiting for held in ingest.spool.held))


async def order(ingest: Ingest, **order: object) -> httpx.Response:
    return await ingest.http.post(PATH, json=order)


async def queue(backend: Backend) -> list[Job]:
    return [decode(message.data, Job) for message in await jobs(backend.bus)]


async def test_other_options_make_the_next_version(ingest: Ingest, backend: Backend) -> None:
    await upload(ingest)
    response = await order(ingest, model="large-v3", language="DE", words=True, lane="backfill")
    assert response.status_code == 202
    assert response.json() == {
        "id": ID,
        "version": 2,
        "status": "accepted",
        "events": f"http://localhost:3000/v1/events?recording={ID}",
        "transcript": f"http://localhost:3000/v1/recordings/{ID}/transcript.json?version=2",
    }
    assert response.headers["location"] == f"http://localhost:3000/v1/recordings/{ID}"
    await forwarded(ingest)
    first, second = await queue(backend)
    options = Options(model="large-v3", language="de", words=True)
    assert (second.version, second.options, second.lane) == (2, options, "backfill")
    assert (second.audio, second.duration) == (first.audio, first.duration)
    assert (second.metadata, second.correlation_id) == ({"incident": 42}, "call-1")
    assert [m.subject.split(".")[-2:] for m in await events(backend.bus)] == [
        ["1", "queued"],
        ["2", "queued"],
    ]
    request = decode(backend.store.objects[object_keys.request(ID, 2)], VersionRequest)
    assert (request.options, request.lane) == (options, "backfill")
    assert backend.store.objects[first.audio] == WAV


async def test_the_caller_s_own_id_comes_with_its_version(ingest: Ingest, backend: Backend) -> None:
    await upload(ingest)
    await order(ingest, model="a", correlation_id="mine")
    await forwarded(ingest)
    assert [job.correlation_id for job in await queue(backend)] == ["call-1", "mine"]


@pytest.mark.parametrize("body", [{}, {"lane": "urgent"}, {"task": "transcribe", "words": False}])
async def test_equal_options_are_the_existing_version(
    ingest: Ingest, backend: Backend, body: dict[str, object]
) -> None:
    await upload(ingest)
    response = await order(ingest, **body)
    assert response.status_code == 202
    assert (response.json()["version"], response.json()["status"]) == (1, "known")
    assert len(await queue(backend)) == 1


async def test_asked_twice_it_is_one_version(ingest: Ingest, backend: Backend) -> None:
    await upload(ingest)
    answers = [(await order(ingest, prompt="Engine 4")).json() for _ in range(3)]
    assert [answer["version"] for answer in answers] == [2, 2, 2]
    assert [answer["status"] for answer in answers] == ["accepted", "known", "known"]
    await forwarded(ingest)
    assert len(await queue(backend)) == 2


async def test_another_node_knows_the_version_too(
    tmp_path: Path, ingest: Ingest, backend: Backend
) -> None:
    await upload(ingest)
    await order(ingest, hotwords="Birch Street")
    await forwarded(ingest)
    async with serving(tmp_path / "other", backend.store, backend.bus) as other:
        answer = (await order(other, hotwords="Birch Street")).json()
        assert (answer["version"], answer["status"]) == (2, "known")
        assert (await order(other, hotwords="Elm Street")).json()["version"] == 3
        await forwarded(other)
    assert [job.version for job in await queue(backend)] == [1, 2, 3]


async def test_an_order_of_an_unknown_recording_is_a_404(ingest: Ingest) -> None:
    found = problem(await order(ingest, model="a"), 404)
    assert found["type"] == "urn:echobase:unknown-recording"
    assert f"/v1/spool/{ID}" in str(found["detail"])
    assert files(ingest.spool.folder) == []
    assert ingest.spool.room.used == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "a b"}, "model"),
        ({"model": 7}, "model"),
        ({"language": "english"}, "language"),
        ({"task": "sing"}, "task"),
        ({"prompt": "x" * 1001}, "prompt"),
        ({"words": "yes"}, "words"),
        ({"lane": "fast"}, "lane"),
        ({"source": "county"}, "source"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_not_allowed_is_named(
    ingest: Ingest, body: dict[str, object], field: str
) -> None:
    found = problem(await order(ingest, **body), 400)
    assert field in f"{found.get('field')} {found['detail']}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"\xff", b"null"])
async def test_what_is_no_order_is_a_400(ingest: Ingest, body: bytes) -> None:
    await upload(ingest)
    headers = {"Content-Type": "application/json"}
    problem(await ingest.http.post(PATH, content=body, headers=headers), 400)
    assert len(list(ingest.spool.held)) == 1


async def test_an_id_of_another_form_is_a_400(ingest: Ingest) -> None:
    problem(await ingest.http.post("/v1/recordings/x/versions", json={}), 400, "recording_id")


async def test_while_the_store_is_away_nothing_is_promised(
    ingest: Ingest, backend: Backend
) -> None:
    await upload(ingest)
    backend.store.away = True
    response = await order(ingest, model="a")
    problem(response, 503)
    assert int(response.headers["retry-after"]) > 0
    assert len(list(ingest.spool.held)) == 1


async def test_an_order_outlives_the_bus_and_a_restart(tmp_path: Path, backend: Backend) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as first:
        await upload(first)
        backend.bus.away = True
        answer = (await order(first, model="a")).json()
        assert (answer["version"], answer["status"]) == (2, "accepted")
        assert any(held.waiting for held in first.spool.held)
    backend.bus.away = False
    async with serving(tmp_path, backend.store, backend.bus) as second:
        await forwarded(second)
        found = (await second.http.get(f"/v1/spool/{ID}")).json()["entries"]
        assert sorted((e["version"], e["status"]) for e in found) == [
            (1, "forwarded"),
            (2, "forwarded"),
        ]
    assert [job.version for job in await queue(backend)] == [1, 2]


async def test_a_full_spool_is_a_507(tmp_path: Path, ingest: Ingest, backend: Backend) -> None:
    await upload(ingest)
    async with serving(tmp_path / "other", backend.store, backend.bus, spool_bytes=10) as full:
        problem(await order(full, model="a"), 507)
        assert files(full.spool.folder) == []


async def test_the_key_is_asked_for(tmp_path: Path, backend: Backend) -> None:
    site = msgspec.structs.replace(SITE, api_key="secret")
    async with serving(tmp_path, backend.store, backend.bus, site=site) as ingest:
        problem(await order(ingest, model="a"), 401)


async def test_the_description_has_fields_and_examples(ingest: Ingest) -> None:
    found = (await ingest.http.get("/ingest/openapi.json")).json()
    operation = found["paths"]["/v1/recordings/{recording_id}/versions"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    fields = {"model", "language", "task", "prompt", "hotwords", "words", "lane", "correlation_id"}
    [reference] = [part["$ref"] for part in body["schema"]["allOf"]]
    schema = found["components"]["schemas"][reference.rpartition("/")[2]]
    assert set(schema["properties"]) == fields
    assert all(value["description"] for value in schema["properties"].values())
    assert len(body["schema"]["examples"]) == 2
    answers = operation["responses"]
    assert {"202", "400", "401", "404", "503", "507"} <= set(answers)
    assert answers["202"]["content"]["application/json"]["examples"]
