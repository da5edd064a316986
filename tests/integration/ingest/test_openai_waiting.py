"""OpenAI's client waits for words: while they are made, in vain, and again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.audio import TranscriptionStreamEvent

from shared import object_keys, subjects
from shared.errors import NotSupported, TooManyAttempts
from shared.messages import Options
from shared.settings import StoreSettings
from shared.topology import EVENTS
from tests.support.ingest import events, until
from tests.support.servers import NatsFixture
from tests.support.speech import CALL, TEXT_PARTS, Speech, speech
from tests.support.transcribing import eventually

pytestmark = pytest.mark.servers
MODEL = "whisper-1"
RECORDINGS = "http://localhost:3000/v1/recordings/"


@pytest.fixture
async def spoken(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> AsyncIterator[Speech]:
    """Ingest and a worker."""
    async with speech(tmp_path, nats, store_settings) as made:
        yield made


async def one_version(spoken: Speech) -> None:
    """There is one recording, and one job was made of it, which is done."""
    found = [subjects.parse_event(message.subject) for message in await events(spoken.bus)]
    assert [(each.version, each.type) for each in found if each.type != "segment"] == [
        (1, "queued"),
        (1, "started"),
        (1, "completed"),
    ]
    await until(lambda: not any(held.waiting for held in spoken.ingest.spool.held))


async def completed(spoken: Speech) -> None:
    """Wait until some version is completed."""

    async def done() -> bool | None:
        found = await events(spoken.bus)
        return True if any(m.subject.endswith(".completed") for m in found) else None

    await eventually(done)


def text_of(event: TranscriptionStreamEvent) -> str:
    """What a delta says."""
    assert event.type == "transcript.text.delta"
    return event.delta


async def the_rest(stream: openai.AsyncStream[TranscriptionStreamEvent]) -> list[str]:
    """What the deltas say that are still to come."""
    return [text_of(event) async for event in stream]


async def test_deltas_leave_while_later_audio_is_being_transcribed(spoken: Speech) -> None:
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    async with stream:
        # The model is held up before the second chunk, and has not decoded it.
        first = [text_of(await anext(stream)), text_of(await anext(stream))]
        assert not any(m.subject.endswith(".completed") for m in await events(spoken.bus))
        spoken.gate.open.set()
        rest = [event async for event in stream]
    done = rest.pop()
    assert done.type == "transcript.text.done"
    deltas = [*first, *map(text_of, rest)]
    assert len(deltas) == TEXT_PARTS
    assert "".join(deltas) == done.text
    again = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL)
    assert again.text == done.text
    await one_version(spoken)


async def test_the_events_are_bare_data_lines(spoken: Speech) -> None:
    spoken.gate.open.set()
    response = await spoken.ingest.http.post(
        "/v1/audio/transcriptions",
        files={"file": CALL.read_bytes()},
        data={"model": MODEL, "stream": "true"},
        timeout=30,
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["location"].startswith(RECORDINGS)
    frames = response.text.split("\n\n")
    assert frames.pop() == ""
    assert len(frames) == TEXT_PARTS + 1
    assert all(frame.startswith('data: {"type":"transcript.text.') for frame in frames)
    assert not any("\n" in frame for frame in frames)


async def test_a_caller_who_goes_away_cancels_nothing(spoken: Speech) -> None:
    transcriptions = spoken.client.audio.transcriptions
    stream = await transcriptions.create(file=CALL, model=MODEL, stream=True)
    text_of(await anext(stream))
    await stream.close()
    with pytest.raises(openai.APITimeoutError):
        await transcriptions.create(file=CALL, model=MODEL, timeout=0.2)
    spoken.gate.open.set()
    await completed(spoken)
    assert (await transcriptions.create(file=CALL, model=MODEL)).text
    await one_version(spoken)


async def test_whoever_goes_away_is_waited_for_no_longer(spoken: Speech) -> None:
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    text_of(await anext(stream))
    with pytest.raises(openai.APITimeoutError):
        await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, timeout=0.2)
    assert any("Patience" in repr(task) for task in asyncio.all_tasks())
    await stream.close()
    # The gate is still closed: it is not the end of the work that ends the waits.
    await until(lambda: not any("Patience" in repr(task) for task in asyncio.all_tasks()))


async def test_a_retry_joins_what_is_under_way(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with speech(tmp_path, nats, store_settings, longest_wait=1.0) as spoken:
        transcriptions = spoken.client.audio.transcriptions
        with pytest.raises(openai.InternalServerError) as refused:
            await transcriptions.create(file=CALL, model=MODEL)
        error, answer = refused.value, refused.value.response
        assert (answer.status_code, error.code, error.type) == (503, "not-ready", "server_error")
        assert int(answer.headers["retry-after"]) > 0
        recording = answer.headers["location"]
        assert recording.startswith(RECORDINGS)
        assert recording in error.message
        spoken.gate.open.set()
        again = spoken.client.with_options(max_retries=2)
        assert (await again.audio.transcriptions.create(file=CALL, model=MODEL)).text
        await one_version(spoken)


async def test_a_stream_whose_time_is_over_ends_with_an_error(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    async with speech(tmp_path, nats, store_settings, longest_wait=1.5) as spoken:
        stream = await spoken.client.audio.transcriptions.create(
            file=CALL, model=MODEL, stream=True
        )
        with pytest.raises(openai.APIError, match="not ready within") as broken:
            await the_rest(stream)
        assert RECORDINGS in broken.value.message
        assert broken.value.code == "not-ready"


async def test_while_the_broker_is_away_the_recording_is_kept_and_a_retry_gets_its_words(
    spoken: Speech, nats: NatsFixture
) -> None:
    spoken.gate.open.set()
    transcriptions = spoken.client.audio.transcriptions
    nats.kill()
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError, match="NATS is away") as refused:
            await transcriptions.create(file=CALL, model=MODEL, stream=stream)
        answer = refused.value.response
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["location"].startswith(RECORDINGS)
    [held] = spoken.ingest.spool.held
    assert held.waiting
    nats.start()
    said = await transcriptions.create(file=CALL, model=MODEL)
    assert said.text
    await one_version(spoken)
    # What is in the store needs no broker any more.
    nats.kill()
    assert (await transcriptions.create(file=CALL, model=MODEL)).text == said.text
    nats.start()


async def test_a_broker_that_goes_midway_ends_a_stream_with_an_error(
    spoken: Speech, nats: NatsFixture
) -> None:
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    text_of(await anext(stream))
    nats.kill()
    with pytest.raises(openai.APIError, match="NATS is away"):
        await the_rest(stream)
    nats.start()
    spoken.gate.open.set()
    assert (await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL)).text


async def test_words_whose_events_are_gone_come_from_the_store(spoken: Speech) -> None:
    spoken.gate.open.set()
    first = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL)
    for message in await events(spoken.bus):
        await spoken.bus.delete(EVENTS.name, message.sequence)
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    found = [event async for event in stream]
    assert "".join(map(text_of, found[:-1])) == first.text
    assert len(found) == TEXT_PARTS + 1


async def test_other_options_are_another_version(spoken: Speech) -> None:
    spoken.gate.open.set()
    transcriptions = spoken.client.audio.transcriptions
    await transcriptions.create(file=CALL, model=MODEL)
    said = await transcriptions.create(
        file=CALL,
        model=MODEL,
        language="en",
        prompt="Medic 7",
        response_format="verbose_json",
        timestamp_granularities=["word"],
        extra_body={"hotwords": "Birch", "keywords[]": "Oak Street"},
    )
    assert said.words
    assert said.segments is None
    [first, second] = await jobs_asked(spoken)
    assert first == Options()
    assert second == Options(
        language="en", prompt="Medic 7", hotwords="Birch, Oak Street", words=True
    )


async def jobs_asked(spoken: Speech) -> list[Options]:
    """The options of each version, in the order of their numbers."""
    [held, *others] = spoken.ingest.spool.held
    assert {other.entry.recording.id for other in others} == {held.entry.recording.id}
    found = sorted([held, *others], key=lambda each: each.version or 0)
    assert {each.entry.lane for each in found} == {"live"}
    return [each.entry.options for each in found]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_cannot_do_it_is_a_bad_request(spoken: Speech, stream: bool) -> None:
    spoken.gate.hold_from = 0.0
    spoken.gate.error = NotSupported("the model cannot translate")
    spoken.gate.open.set()
    transcriptions = spoken.client.audio.transcriptions
    for _ in range(2):  # the second time it is known before
        with pytest.raises(openai.BadRequestError, match="cannot translate") as refused:
            await transcriptions.create(file=CALL, model=MODEL, stream=stream)
        assert refused.value.code == "not-supported"


async def test_a_version_that_failed_long_ago_says_so(spoken: Speech) -> None:
    spoken.gate.hold_from = 0.0
    spoken.gate.error = NotSupported("the model cannot translate")
    spoken.gate.open.set()
    transcriptions = spoken.client.audio.transcriptions
    with pytest.raises(openai.BadRequestError):
        await transcriptions.create(file=CALL, model=MODEL)
    [held] = spoken.ingest.spool.held
    failed = object_keys.failed(held.entry.recording.id, 1)
    await eventually(lambda: spoken.store.stat(failed))
    for message in await events(spoken.bus):
        await spoken.bus.delete(EVENTS.name, message.sequence)
    held.known = True  # as after a restart
    with pytest.raises(openai.BadRequestError, match="cannot translate"):
        await transcriptions.create(file=CALL, model=MODEL)


async def test_an_error_midway_is_an_event(spoken: Speech) -> None:
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    text_of(await anext(stream))
    spoken.gate.error = TooManyAttempts("every attempt ended")
    spoken.gate.open.set()
    with pytest.raises(openai.APIError, match="every attempt ended") as broken:
        await the_rest(stream)
    assert broken.value.code == "too-many-attempts"
    again = spoken.client.with_options(max_retries=2).audio.transcriptions
    # The client is told that it would be in vain to send it again.
    with pytest.raises(openai.InternalServerError) as refused:
        await again.create(file=CALL, model=MODEL)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert "x-stainless-retry-count" in refused.value.request.headers
    assert refused.value.request.headers["x-stainless-retry-count"] == "0"


async def test_a_model_that_no_worker_can_get_is_unknown(spoken: Speech) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await spoken.client.audio.transcriptions.create(file=CALL, model="gpt-9")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


async def test_a_recording_that_is_deleted_meanwhile_is_gone(spoken: Speech) -> None:
    stream = await spoken.client.audio.transcriptions.create(file=CALL, model=MODEL, stream=True)
    text_of(await anext(stream))
    [held] = spoken.ingest.spool.held
    deleted = await spoken.ingest.http.delete(f"/v1/recordings/{held.entry.recording.id}")
    assert deleted.is_success
    with pytest.raises(openai.APIError, match="deleted"):
        await the_rest(stream)


async def test_a_service_that_stops_sends_who_waits_away_to_come_again(spoken: Speech) -> None:
    waits = asyncio.create_task(spoken.client.audio.transcriptions.create(file=CALL, model=MODEL))
    await until(lambda: [held for held in spoken.ingest.spool.held if held.version])
    spoken.ingest.stopping.set()
    with pytest.raises(openai.InternalServerError, match="restarted") as refused:
        await waits
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["retry-after"]) > 0


# --- ?wait= ---


async def test_an_upload_that_waits_is_answered_with_its_transcript(spoken: Speech) -> None:
    spoken.gate.open.set()
    post = spoken.ingest.http.post
    response = await post("/v1/recordings?wait=30", content=CALL.read_bytes(), timeout=40)
    assert response.status_code == 200
    transcript = response.json()
    assert len(transcript["segments"]) == TEXT_PARTS
    assert response.headers["location"] == f"{RECORDINGS}{transcript['recording']}"
    again = await post("/v1/recordings?wait=30", content=CALL.read_bytes(), timeout=40)
    assert (again.status_code, again.json()) == (200, transcript)
    await one_version(spoken)


async def test_an_upload_that_waits_in_vain_is_answered_as_ever(spoken: Speech) -> None:
    response = await spoken.ingest.http.post("/v1/recordings?wait=0.5", content=CALL.read_bytes())
    assert response.status_code == 202
    assert response.json()["version"] == 1
    spoken.gate.error = NotSupported("in vain")
    spoken.gate.open.set()
    response = await spoken.ingest.http.post(
        "/v1/recordings?wait=30", content=CALL.read_bytes(), timeout=40
    )
    assert (response.status_code, response.json()["status"]) == (202, "known")


async def test_an_upload_does_not_wait_while_the_broker_is_away(
    spoken: Speech, nats: NatsFixture
) -> None:
    nats.kill()
    response: httpx.Response = await spoken.ingest.http.post(
        "/v1/recordings?wait=50", content=CALL.read_bytes(), timeout=40
    )
    assert response.status_code == 202
    nats.start()
