"""What is no recording is refused with its reason, and nothing of it is kept."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from minio import Minio

from deploy.local.samples import samples
from tests.support.audio_files import wav
from tests.support.stack import RunningStack

pytestmark = pytest.mark.stack

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CALL = wav(1.0)


@pytest.mark.parametrize(
    ("body", "query", "status", "named"),
    [
        (b"", {}, 415, "empty"),
        (b"this is no audio" * 100, {}, 415, "audio"),
        (PLAYLIST, {"filename": "call.m3u8"}, 415, "audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", {}, 415, "audio"),
        (CALL[:40], {}, 415, "audio"),
        (CALL, {"lane": "slow"}, 400, "lane"),
        (CALL, {"sauce": "county"}, 400, "sauce"),
        (CALL, {"start": "yesterday"}, 400, "start"),
        (CALL, {"metadata": "[1]"}, 400, "metadata"),
    ],
    ids=["empty", "text", "m3u8", "ffconcat", "cut", "lane", "field", "start", "metadata"],
)
async def test_bad_input_is_named_and_not_stored(
    stack: RunningStack, body: bytes, query: Mapping[str, str], status: int, named: str
):
    before = kept(stack)
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{stack.addresses.ingest}/v1/recordings", params=dict(query), content=body
        )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert named in answer.text
    assert kept(stack) == before


async def test_a_recording_that_is_too_long_or_too_large_is_refused(
    tmp_path: Path, stack: RunningStack
):
    limited = RunningStack(
        tmp_path,
        ECHOBASE_MAX_DURATION="3",
        ECHOBASE_MAX_UPLOAD_BYTES="100000",
        ECHOBASE_NATS_URL=f"nats://127.0.0.1:{stack.ports['NATS']}",
        ECHOBASE_STORE_URL=f"http://127.0.0.1:{stack.ports['STORE']}",
        **stack.logins,
    )
    limited.start()
    async with httpx.AsyncClient() as http:
        for body, limit in ((wav(4.0), "3"), (wav(10.0), "100000")):
            answer = await http.post(f"{limited.addresses.ingest}/v1/recordings", content=body)
            assert answer.status_code == 413, answer.text
            assert limit in answer.json()["limit"]
    assert limited.stop() == 0


async def test_a_good_recording_is_kept_after_all_that(stack: RunningStack):
    before = kept(stack)
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{stack.addresses.ingest}/v1/recordings", content=samples()[0].path.read_bytes()
        )
    assert answer.status_code == 202, answer.text
    assert kept(stack) - before == {answer.json()["id"]}


def kept(stack: RunningStack) -> set[str]:
    """Ids of the recordings in the spool and in the store, and uploads that were left half-way."""
    settings = stack.store
    store = Minio(
        settings.store_url.removeprefix("http://"),
        access_key=settings.store_access_key,
        secret_key=settings.store_secret_key,
        secure=False,
    )
    spool = stack.data / "spool"
    found = {path.name for path in (spool / "incoming").iterdir()}
    found |= {path.name.partition("-")[0] for path in (spool / "entries").iterdir()}
    if store.bucket_exists("echobase"):
        for item in store.list_objects("echobase", "recordings/"):
            found.add(str(item.object_name).split("/")[1])
    return found
