"""Recordings, transcripts and audio, from a real store and real NATS."""

import httpx
import pytest

from deploy.local.ports import free_ports
from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.calls import Call
from tests.support.stream import Running, running, until

pytestmark = pytest.mark.servers

AUDIO = bytes(range(256)) * 20


async def get(stream: Running, path: str, **headers: str) -> httpx.Response:
    return await stream.http.get(f"/v1/recordings/{path}", headers=headers)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and reason of a refusal, which is always a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["detail"]


async def test_unknown(store: S3Store, bus: Bus, stream: Running) -> None:
    del store, bus
    for path in ("", "/transcript.json", "/transcript.vtt", "/audio"):
        status, reason = refused(await get(stream, f"{'a' * 32}{path}"))
        assert status == 404
        assert f"/v1/spool/{'a' * 32}" in reason


async def test_what_is_no_id(stream: Running) -> None:
    status, reason = refused(await get(stream, "nonsense/transcript.txt"))
    assert (status, reason) == (400, "not a recording's id: 'nonsense'")


async def test_a_recording_on_its_way(store: S3Store, bus: Bus, stream: Running) -> None:
    call = Call(bus)
    await call.store_recording(store)
    assert refused(await get(stream, f"{call.recording}/transcript.json"))[0] == 409
    await call.store_request(store)
    for publish, status in ((call.queued, "queued"), (call.started, "started")):
        await publish()
        code, reason = refused(await get(stream, f"{call.recording}/transcript.json"))
        assert (code, reason) == (409, f"Version 1 is not ready: it is {status}.")
        [version] = (await get(stream, call.recording)).json()["versions"]
        assert version["status"] == status
        assert "transcript" not in version


async def test_a_failed_version(store: S3Store, bus: Bus, stream: Running) -> None:
    call = Call(bus)
    await call.store_recording(store)
    await call.store_request(store)
    await call.queued()
    await call.failed("The object is gone.")
    answer = await get(stream, f"{call.recording}/transcript.srt")
    assert refused(answer) == (410, "Version 1 failed: The object is gone.")
    assert answer.json()["type"] == "urn:echobase:object-missing"
    [version] = (await get(stream, call.recording)).json()["versions"]
    assert (version["status"], version["reason"]) == ("failed", "The object is gone.")


async def test_a_transcript_in_each_format(store: S3Store, bus: Bus, stream: Running) -> None:
    call = Call(bus, "county", "Süd")
    await call.store_recording(store)
    await call.store_request(store)
    await call.whole("Engine <7>", "on scene")
    stored = await call.store_transcript(store, "Engine <7>", "on scene")
    answer = await get(stream, f"{call.recording}/transcript.json")
    assert answer.json()["text"] == stored.text
    assert answer.json()["channel"] == "Süd"
    for name, media_type, text in (
        ("txt", "text/plain; charset=utf-8", "Engine <7>\non scene\n"),
        (
            "srt",
            "application/x-subrip; charset=utf-8",
            "1\n00:00:00,000 --> 00:00:01,500\nEngine <7>\n\n"
            "2\n00:00:02,000 --> 00:00:03,500\non scene\n\n",
        ),
        (
            "vtt",
            "text/vtt; charset=utf-8",
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nEngine &lt;7&gt;\n"
            "\n00:00:02.000 --> 00:00:03.500\non scene\n",
        ),
    ):
        answer = await get(stream, f"{call.recording}/transcript.{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.text == text
    missing = await get(stream, f"{call.recording}/transcript.docx")
    assert missing.status_code == 404


async def test_versions(store: S3Store, bus: Bus, stream: Running) -> None:
    one = Call(bus)
    two = Call(bus, recording=one.recording, version=2)
    await one.store_recording(store)
    for call in (one, two):
        await call.store_request(store)
        await call.queued()
    await one.store_transcript(store, "first")
    path = f"{one.recording}/transcript.txt"
    assert (await get(stream, path)).text == "first\n"
    assert refused(await get(stream, f"{path}?version=2"))[0] == 409
    await two.store_transcript(store, "second")
    assert (await get(stream, path)).text == "second\n"
    assert (await get(stream, f"{path}?version=1")).text == "first\n"
    assert refused(await get(stream, f"{path}?version=3"))[0] == 404
    assert refused(await get(stream, f"{path}?version=0"))[0] == 400
    view = (await get(stream, one.recording)).json()
    assert [(v["version"], v["status"]) for v in view["versions"]] == [
        (1, "completed"),
        (2, "completed"),
    ]
    for version in view["versions"]:
        assert httpx.URL(version["transcript"]).host == "localhost"
        assert (await stream.http.get(version["transcript"])).json()["recording"] == one.recording
    assert view["recording"]["id"] == one.recording
    assert view["events"].endswith(f"/v1/events?recording={one.recording}")


async def test_audio_whole_and_in_parts(store: S3Store, bus: Bus, stream: Running) -> None:
    call = Call(bus)
    await call.store_recording(store, AUDIO)
    path = f"{call.recording}/audio"
    whole = await get(stream, path)
    assert (whole.status_code, whole.content) == (200, AUDIO)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["accept-ranges"] == "bytes"
    assert "sandbox" in whole.headers["content-security-policy"]
    part = await get(stream, path, Range="bytes=256-511")
    assert (part.status_code, part.content) == (206, AUDIO[256:512])
    assert part.headers["content-range"] == f"bytes 256-511/{len(AUDIO)}"
    assert part.headers["content-length"] == "256"
    last = await get(stream, path, Range="bytes=-10")
    assert last.content == AUDIO[-10:]
    beyond = await get(stream, path, Range=f"bytes={len(AUDIO)}-")
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(AUDIO)}"
    stale = await get(stream, path, Range="bytes=0-1", **{"If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, AUDIO)
    known = await get(stream, path, **{"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


async def test_a_store_that_is_away(env: dict[str, str], bus: Bus) -> None:
    await bus.state("EVENTS")
    [nobody] = free_ports(1)
    async with running({**env, "ECHOBASE_STORE_URL": f"http://127.0.0.1:{nobody}"}) as stream:
        answer = await get(stream, f"{'a' * 32}/transcript.json")
        assert refused(answer)[0] == 503
        assert int(answer.headers["retry-after"]) > 0

        async def ready() -> bool:
            return (await stream.http.get("/health/ready")).status_code == 200

        # The history is what waits longest before it calls the store away.
        await until(ready)
        checks = (await stream.http.get("/health/ready")).json()["checks"]
        assert checks["store"]["status"] == "degraded"
