"""OpenAI's routes by its own client: errors in its shape, limits, models."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from shared.errors import StoreUnavailable
from shared.memory_bus import MemoryBus
from shared.settings import SiteSettings
from tests.support import audio_files
from tests.support.ingest import Ingest, files, serving, until
from tests.support.ingest_http import WAV, Backend, nothing_left, problem

MODEL = "whisper-1"
PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations")
KEY = "a long secret"


def client_of(ingest: Ingest, key: str = "any") -> AsyncOpenAI:
    """OpenAI's client, which does not try again by itself."""
    return AsyncOpenAI(base_url=f"{ingest.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
async def client(ingest: Ingest) -> AsyncIterator[AsyncOpenAI]:
    """Of the running service."""
    async with client_of(ingest) as made:
        yield made


def check_shape(response: httpx.Response) -> Mapping[str, str | None]:
    """The error, if it has OpenAI's shape and nothing else."""
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert body["error"]["message"]
    assert body["error"]["type"]
    return body["error"]


async def post(ingest: Ingest, path: str = PATHS[0], **fields: str) -> httpx.Response:
    """A request of a plain HTTP client."""
    data = {"model": MODEL, **fields}
    return await ingest.http.post(path, files={"file": ("call.wav", WAV)}, data=data)


# --- what is refused ---


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"temperature": "0.7"}, "temperature", "unsupported_value"),
        ({"include[]": "logprobs"}, "include", "unsupported_value"),
        ({"response_format": "diarized_json"}, "response_format", "unsupported_value"),
        ({"chunking_strategy[type]": "server_vad"}, "chunking_strategy", "unsupported_value"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "unsupported_value"),
        ({"nothing": "1"}, "nothing", "unknown_parameter"),
        ({"language": "english"}, "language", "invalid_value"),
        ({"model": ""}, "model", "missing_required_parameter"),
    ],
)
async def test_what_cannot_be_honored_is_a_400_that_names_it(
    ingest: Ingest,
    backend: Backend,
    path: str,
    fields: Mapping[str, str],
    param: str,
    code: str,
) -> None:
    response = await post(ingest, path, **fields)
    assert response.status_code == 400
    error = check_shape(response)
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    await nothing_left(ingest, backend)


async def test_the_official_client_sees_the_parameter(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.audio.transcriptions.create(
            file=("call.wav", WAV), model=MODEL, include=["logprobs"]
        )
    assert (refused.value.param, refused.value.code) == ("include", "unsupported_value")
    with pytest.raises(openai.BadRequestError) as refused:
        await client.audio.transcriptions.create(
            file=("call.wav", WAV),
            model=MODEL,
            chunking_strategy={"type": "server_vad", "threshold": 0.5},
        )
    assert refused.value.param == "chunking_strategy"


@pytest.mark.parametrize("content", [b"", b"plain text", b"#EXTM3U\nhttp://127.0.0.1/x"])
async def test_what_is_no_audio_is_a_400(
    ingest: Ingest, client: AsyncOpenAI, backend: Backend, content: bytes
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.audio.transcriptions.create(file=("call.wav", content), model=MODEL)
    assert (refused.value.param, refused.value.code) == ("file", "not-audio")
    await nothing_left(ingest, backend)


async def test_a_form_without_a_file_is_a_400(ingest: Ingest) -> None:
    response = await ingest.http.post(PATHS[0], data={"model": MODEL}, files={"x": b""})
    assert check_shape(response)["param"] == "x"
    boundary = "multipart/form-data; boundary=b"
    content = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n'
    response = await ingest.http.post(PATHS[0], content=content, headers={"Content-Type": boundary})
    assert response.status_code == 400
    assert check_shape(response)["param"] == "file"
    response = await ingest.http.post(PATHS[0], json={"model": MODEL})
    assert response.status_code == 400
    check_shape(response)


async def test_two_files_are_a_400(ingest: Ingest, backend: Backend) -> None:
    twice = [("file", ("a.wav", WAV)), ("file", ("b.wav", WAV))]
    response = await ingest.http.post(PATHS[0], files=twice, data={"model": MODEL})
    assert (response.status_code, check_shape(response)["param"]) == (400, "file")
    await nothing_left(ingest, backend)


async def test_a_field_that_is_too_long_or_no_text_is_a_400(ingest: Ingest) -> None:
    for value in (b"x" * 100_000, b"\xff"):
        files = {"file": ("a.wav", WAV), "prompt": (None, value)}
        response = await ingest.http.post(PATHS[0], files=files, data={"model": MODEL})
        assert (response.status_code, check_shape(response)["param"]) == (400, "prompt")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_told_in_openais_shape(ingest: Ingest, method: str) -> None:
    for path in PATHS:
        response = await ingest.http.request(method, path)
        assert response.status_code == 405
        check_shape(response)
    problem(await ingest.http.request("PATCH", "/v1/recordings"), 405)


# --- limits ---


async def test_audio_that_is_too_large_or_too_long_is_a_413(
    tmp_path: Path, backend: Backend
) -> None:
    async with (
        serving(tmp_path, backend.store, backend.bus, max_bytes=20_000, max_duration=1.0) as ingest,
        client_of(ingest) as client,
    ):
        for content in (audio_files.wav(2.0), audio_files.wav(30.0), audio_files.wav(1.1, 8000)):
            with pytest.raises(openai.APIStatusError) as refused:
                await client.audio.transcriptions.create(file=("call.wav", content), model=MODEL)
            assert refused.value.status_code == 413
            assert (refused.value.param, refused.value.code) == ("file", "too-large")
            assert refused.value.type == "invalid_request_error"
        await nothing_left(ingest, backend)


async def test_a_format_that_the_site_does_not_take_is_refused(
    tmp_path: Path, backend: Backend
) -> None:
    flac = audio_files.write(tmp_path / "call", "flac").read_bytes()
    spool = tmp_path / "spool"
    async with (
        serving(spool, backend.store, backend.bus, formats=("wav", "mp3")) as ingest,
        client_of(ingest) as client,
    ):
        found = problem(await ingest.http.post("/v1/recordings", content=flac), 415, "file")
        assert found["limit"] == "wav, mp3"
        assert "ECHOBASE_FORMATS" in str(found["detail"])
        with pytest.raises(openai.BadRequestError, match="accepted are wav, mp3") as refused:
            await client.audio.transcriptions.create(file=("call.flac", flac), model=MODEL)
        assert refused.value.param == "file"
        await nothing_left(ingest, backend)
        response = await ingest.http.post("/v1/recordings", content=WAV)
        assert response.status_code == 202


async def test_a_full_spool_is_a_503_that_says_when_to_come_again(
    tmp_path: Path, backend: Backend
) -> None:
    async with (
        serving(tmp_path, backend.store, backend.bus, least_free=2**62) as ingest,
        client_of(ingest) as client,
    ):
        with pytest.raises(openai.InternalServerError) as refused:
            await client.audio.transcriptions.create(file=("call.wav", WAV), model=MODEL)
        assert (refused.value.status_code, refused.value.code) == (503, "full")
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert files(tmp_path) == []


async def test_a_store_that_is_away_is_a_503_and_the_recording_is_kept(
    ingest: Ingest, client: AsyncOpenAI, backend: Backend
) -> None:
    backend.store.away = True
    with pytest.raises(openai.InternalServerError, match="store is away") as refused:
        await client.audio.transcriptions.create(file=("call.wav", WAV), model=MODEL)
    assert (refused.value.status_code, refused.value.code) == (503, StoreUnavailable.code)
    [held] = ingest.spool.held
    location = refused.value.response.headers["location"]
    assert location.endswith(f"/v1/recordings/{held.entry.recording.id}")
    assert held.waiting
    backend.store.away = False
    await until(lambda: not held.waiting)


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon", "1e9"])
async def test_a_wait_beyond_its_limit_is_refused_by_name(
    ingest: Ingest, backend: Backend, wait: str
) -> None:
    response = await ingest.http.post(f"/v1/recordings?wait={wait}", content=WAV)
    found = problem(response, 400, "wait")
    assert found["limit"] == "0 to 60 seconds"
    assert "ECHOBASE_LONGEST_WAIT" in str(found["detail"])
    await nothing_left(ingest, backend)


@pytest.mark.parametrize("wait", ["", "0", "0.0", "0.01"])
async def test_a_wait_of_nothing_is_an_upload_as_ever(ingest: Ingest, wait: str) -> None:
    response = await ingest.http.post(f"/v1/recordings?wait={wait}&source=county", content=WAV)
    assert response.status_code == 202
    assert response.json()["status"] == "accepted"


async def test_two_waits_are_refused(ingest: Ingest) -> None:
    problem(await ingest.http.post("/v1/recordings?wait=1&wait=2", content=WAV), 400, "wait")


# --- keys ---


async def test_keys_are_told_as_openai_tells_them(tmp_path: Path, backend: Backend) -> None:
    site = SiteSettings(grace=10.0, api_key=KEY)
    async with serving(tmp_path, backend.store, backend.bus, site=site) as ingest:
        async with client_of(ingest, "wrong") as client:
            with pytest.raises(openai.AuthenticationError) as refused:
                await client.audio.transcriptions.create(file=("call.wav", WAV), model=MODEL)
            assert refused.value.code == "invalid_api_key"
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with client_of(ingest, KEY) as client:
            with pytest.raises(openai.BadRequestError):
                await client.audio.transcriptions.create(file=("call.wav", b"x"), model=MODEL)
            assert [model.id async for model in client.models.list()] == [MODEL]
        headers = {"X-API-Key": KEY}
        assert (await ingest.http.get("/v1/models", headers=headers)).status_code == 200
        # The page's own key is for what is read, too.
        response = await ingest.http.post("/v1/recordings?wait=1", content=WAV)
        assert response.status_code == 401


async def test_a_page_of_elsewhere_is_refused_in_openais_shape(ingest: Ingest) -> None:
    headers = {"Origin": "https://example.org"}
    response = await ingest.http.post(PATHS[0], headers=headers, data={"model": MODEL})
    assert response.status_code == 403
    check_shape(response)


# --- what is described ---


@pytest.mark.parametrize("path", PATHS)
async def test_the_description_is_complete(ingest: Ingest, path: str) -> None:
    schema = (await ingest.http.get("/ingest/openapi.json")).json()
    found = schema["paths"][path]["post"]
    assert found["security"][0] == {"key": ["ingest", "read"]}
    errors = {"400", "401", "403", "404", "408", "410", "413", "429", "500", "503"}
    assert set(found["responses"]) == {"200", *errors}
    answer = found["responses"]["200"]["content"]
    assert set(answer) == {
        "application/json",
        "text/plain",
        "application/x-subrip",
        "text/vtt",
        "text/event-stream",
    }
    assert all(each["examples"] for each in answer.values())
    for status in errors:
        [(kind, described)] = found["responses"][status]["content"].items()
        assert kind == "application/json"
        assert described["schema"]["$ref"].endswith("ErrorAnswer")
        assert described["examples"]
    form = found["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["required"] == ["file", "model"]
    assert form["examples"]


# --- models ---


async def announce(bus: MemoryBus, **metadata: str) -> None:
    """Say what a transcriber says."""
    await bus.announce("transcriber", metadata)


async def test_the_models_are_those_of_the_transcribers(
    client: AsyncOpenAI, backend: Backend
) -> None:
    await announce(backend.bus, model="medium.en", models="large-v3,demo", worker="w1")
    found = [model async for model in client.models.list()]
    assert [model.id for model in found] == [MODEL, "medium.en", "demo", "large-v3"]
    assert {(model.object, model.created, model.owned_by) for model in found} == {
        ("model", 0, "echobase")
    }
    for name in (MODEL, "large-v3"):
        assert (await client.models.retrieve(name)).id == name
    for name in ("gpt-9", "owner/gpt-9"):
        with pytest.raises(openai.NotFoundError) as refused:
            await client.models.retrieve(name)
        assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


async def test_a_model_that_nobody_has_is_a_404(
    ingest: Ingest, client: AsyncOpenAI, backend: Backend
) -> None:
    await announce(backend.bus, model="owner/tuned", models="")
    assert (await client.models.retrieve("owner/tuned")).id == "owner/tuned"
    for model in ("gpt-4o-transcribe", "demo"):
        with pytest.raises(openai.NotFoundError, match="whisper-1, owner/tuned") as refused:
            await client.audio.transcriptions.create(file=("call.wav", WAV), model=model)
        assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    await nothing_left(ingest, backend)


async def test_models_that_nobody_has_heard_of_while_the_broker_is_away_are_a_503(
    client: AsyncOpenAI, backend: Backend
) -> None:
    backend.bus.away = True
    with pytest.raises(openai.InternalServerError) as refused:
        await client.models.list()
    assert refused.value.status_code == 503
    assert int(refused.value.response.headers["retry-after"]) > 0
    assert (await client.models.retrieve(MODEL)).id == MODEL
