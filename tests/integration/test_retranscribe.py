"""`echobase retranscribe`: recordings that are there get another version."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.messages import Completed, Options, Started, decode_event
from shared.settings import StoreSettings
from tests.support import audio_files
from tests.support.ingest import Ingest, serving, until
from tests.support.ingest import events as log
from tests.support.scene import Scene, scenery
from tests.support.servers import NatsFixture
from tests.support.stream import running, until_known
from tests.support.transcribing import eventually

pytestmark = pytest.mark.servers


@pytest.fixture
async def scene(
    nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path
) -> AsyncIterator[Scene]:
    """Ingest and stream run."""
    async with (
        scenery(nats.settings, store_settings, tmp_path) as found,
        serving(tmp_path / "spool", found.site.store, found.site.bus) as ingest,
        running(found.env) as stream,
    ):
        found.env = {
            **found.env,
            "ECHOBASE_INGEST_PUBLIC_URL": ingest.url,
            "ECHOBASE_PUBLIC_URL": stream.url,
        }
        # What is asked for again is found in the history.
        await until_known(stream, *[await upload(ingest, number) for number in range(6)])
        yield found


async def upload(ingest: Ingest, number: int) -> str:
    """The recording's id, once its job is published."""
    query = {
        "source": "county" if number < 4 else "city",
        "channel": f"c{number % 2}",
        "start": f"2026-03-0{number + 1}T12:00:00Z",
    }
    content = audio_files.wav(1.0)
    response = await ingest.http.post("/v1/recordings", content=content, params=query)
    assert response.status_code == 202
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    return str(response.json()["id"])


async def test_a_dry_run_lists_and_asks_for_nothing(scene: Scene) -> None:
    code, out, err = await scene.echobase(
        "retranscribe", "--source", "county", "--since", "2026-03-02T00:00:00Z", "--dry-run"
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[-1] == "3 recordings"
    assert [line.split()[1] for line in lines[:-1]] == [
        "2026-03-02T12:00:00Z",
        "2026-03-03T12:00:00Z",
        "2026-03-04T12:00:00Z",
    ]
    assert "county/c1" in lines[0]
    await scene.site.pending_becomes(6)


async def test_each_gets_another_version_once(scene: Scene) -> None:
    filters = ("--channel", "c0", "--until", "2026-03-05T12:00:00Z")
    order = ("retranscribe", *filters, "--words", "--hotwords", "Birch Street")
    assert await scene.echobase(*order) == (
        0,
        "2 recordings: 2 accepted, 0 known, 0 failed\n",
        "",
    )
    assert await scene.echobase(*order) == (
        0,
        "2 recordings: 0 accepted, 2 known, 0 failed\n",
        "",
    )
    async with scene.site.worker(scene.engine):
        await eventually(scene.pending_none)
    events = [decode_event(message.data) for message in await log(scene.site.bus)]
    plans = [e.plan.options for e in events if isinstance(e, Started) and e.version == 2]
    assert plans == [Options(model="scripted", words=True, hotwords="Birch Street")] * 2
    assert [e.version for e in events if isinstance(e, Completed)].count(2) == 2


async def test_what_is_refused_is_said_and_the_rest_goes_on(scene: Scene) -> None:
    code, out, _ = await scene.echobase("retranscribe", "--model", "a model")
    assert code == 1
    assert out.count("The field 'model' holds 'a model'") == 6
    assert "6 recordings: 0 accepted, 0 known, 6 failed" in out
    code, _, err = await scene.echobase("retranscribe", "--model", "a", "--since", "yesterday")
    assert (code, err.count("\n")) == (1, 1)
    assert "since" in err


async def test_what_is_to_be_different_must_be_said(scene: Scene) -> None:
    code, _, err = await scene.echobase("retranscribe", "--source", "county")
    assert code == 2
    assert "--model" in err
