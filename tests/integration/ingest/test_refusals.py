"""What is refused: it is named, nothing is left of it, and the next upload is taken."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import audio_files
from tests.support.ingest import MIB, Ingest
from tests.support.ingest_http import WAV, Backend, nothing_left, problem

PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/segment.wav\n"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (b"This is a letter. " * 50, 415),
        (PLAYLIST, 415),
        (b"ffconcat version 1.0\nfile other.wav\n", 415),
        (b"%PDF-1.7\n" + bytes(3_000), 415),
        (WAV[:44], 415),
        (audio_files.wav(61.0, rate=4_000), 413),
        (bytes(MIB + 1), 413),
    ],
    ids=["empty", "text", "playlist", "ffconcat", "pdf", "no samples", "too long", "too large"],
)
@pytest.mark.parametrize("way", ["form", "raw", "chunked"])
async def test_bad_audio_is_refused_and_leaves_nothing(
    ingest: Ingest, backend: Backend, content: bytes, status: int, way: str
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    match way:
        case "form":
            file = {"file": ("call.wav", content, "audio/wav")}
            response = await ingest.http.post("/v1/recordings", files=file)
        case "raw":
            response = await ingest.http.post("/v1/recordings", content=content)
        case _:
            response = await ingest.http.post("/v1/recordings", content=pieces())
    found = problem(response, status, "file")
    assert found["type"] == f"urn:echobase:{'not-audio' if status == 415 else 'too-large'}"
    assert found["limit"]
    await nothing_left(ingest, backend)
    assert (await ingest.http.post("/v1/recordings", content=WAV)).status_code == 202


async def test_a_video_without_sound_is_refused(
    ingest: Ingest, backend: Backend, tmp_path: Path
) -> None:
    film = audio_files.write_video(tmp_path / "film.mp4").read_bytes()
    (tmp_path / "film.mp4").unlink()
    found = problem(await ingest.http.post("/v1/recordings", content=film), 415, "file")
    assert "video but no audio" in str(found["detail"])
    await nothing_left(ingest, backend)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"sorce": "county"}, "sorce"),
        ({"start": "yesterday"}, "start"),
        ({"lane": "express"}, "lane"),
        ({"metadata": "[]"}, "metadata"),
        ({"source": "a\tb"}, "source"),
        ({"channel": "x" * 129}, "channel"),
        ({"filename": "x" * 256}, "filename"),
        ({"words": "perhaps"}, "words"),
    ],
)
@pytest.mark.parametrize("way", ["form", "query"])
async def test_a_bad_field_is_named_and_nothing_is_left(
    ingest: Ingest, backend: Backend, fields: dict[str, str], named: str, way: str
) -> None:
    if way == "form":
        response = await ingest.http.post(
            "/v1/recordings", files={"file": ("a.wav", WAV)}, data=fields
        )
    else:
        response = await ingest.http.post("/v1/recordings", content=WAV, params=fields)
    problem(response, 400, named)
    await nothing_left(ingest, backend)


@pytest.mark.parametrize(
    ("content_type", "status", "field"),
    [
        ("application/json", 415, "Content-Type"),
        ("text/plain", 415, "Content-Type"),
        ("application/x-www-form-urlencoded", 415, "Content-Type"),
        ("multipart/form-data", 400, "Content-Type"),
        ("multipart/form-data; boundary=abc", 400, "body"),
    ],
)
async def test_a_wrong_content_type_is_named(
    ingest: Ingest, backend: Backend, content_type: str, status: int, field: str
) -> None:
    response = await ingest.http.post(
        "/v1/recordings", content=WAV, headers={"content-type": content_type}
    )
    problem(response, status, field)
    await nothing_left(ingest, backend)


async def test_a_form_without_a_file_is_named(ingest: Ingest, backend: Backend) -> None:
    response = await ingest.http.post("/v1/recordings", files={"source": (None, b"county")})
    problem(response, 400, "file")
    await nothing_left(ingest, backend)
