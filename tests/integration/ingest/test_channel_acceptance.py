"""What an accepted recording gets of its channel, by every door, and what stays as it was sent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from services.ingest.keeper import Keeper
from shared import object_keys
from shared.bus import Message
from shared.channels import ChannelRecord
from shared.errors import BusUnavailable
from shared.keeping import Limits, Rules
from shared.messages import (
    Job,
    Options,
    Queued,
    Recording,
    Submission,
    decode,
    decode_event,
    encode,
)
from shared.subjects import submission
from tests.support import audio_files, radio
from tests.support.channels import FIRE, say
from tests.support.ingest import Ingest, events, jobs, serving, until
from tests.support.ingest_http import Backend
from tests.support.transcribing import eventually

DAY = 86_400.0
NAMES = {
    "talkgroup_label": "FD West",
    "talkgroup_name": "Fire Dispatch West",
    "talkgroup_tag": "Fire Dispatch",
    "talkgroup_group": "Fire",
}
PLACE = {"source": FIRE.source, "channel": FIRE.channel}


async def known(ingest: Ingest, backend: Backend, record: ChannelRecord = FIRE) -> None:
    """Say something of a channel, and wait until ingest knows."""
    await say(backend.bus, record)
    await until(lambda: record in ingest.book.all())


async def forwarded(ingest: Ingest, backend: Backend, count: int = 1) -> list[Job]:
    """The jobs, once there are so many."""

    async def there() -> list[Job] | None:
        found = [decode(message.data, Job) for message in await jobs(backend.bus)]
        return found if len(found) >= count else None

    return await eventually(there)


async def upload(ingest: Ingest, pitch: float = 440.0, **fields: str) -> str:
    content = audio_files.wav(0.2, pitch=pitch)
    answer = await ingest.http.post("/v1/recordings", content=content, params={**PLACE, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def test_lane_and_names_are_the_channels_and_options_stay_as_asked_for(
    ingest: Ingest, backend: Backend
) -> None:
    await known(ingest, backend)
    id = await upload(ingest)
    [job] = await forwarded(ingest, backend)
    assert (job.lane, job.metadata, job.options) == ("urgent", NAMES, Options())
    [queued] = [decode_event(message.data) for message in await events(backend.bus)]
    assert isinstance(queued, Queued)
    assert (queued.lane, queued.metadata) == ("urgent", NAMES)
    stored = decode(await backend.store.get(object_keys.record(id)), Recording)
    assert stored.metadata == NAMES


async def test_what_the_sender_says_comes_first(ingest: Ingest, backend: Backend) -> None:
    await known(ingest, backend)
    said = '{"talkgroup_label": "Own", "incident": 42}'
    await upload(ingest, lane="backfill", metadata=said)
    [job] = await forwarded(ingest, backend)
    assert job.lane == "backfill"
    assert job.metadata == {**NAMES, "talkgroup_label": "Own", "incident": 42}


async def test_a_later_change_changes_no_recording(ingest: Ingest, backend: Backend) -> None:
    await known(ingest, backend)
    id = await upload(ingest)
    await known(ingest, backend, msgspec.structs.replace(FIRE, label="New", lane="backfill"))
    assert await upload(ingest) == id
    order = await ingest.http.post(f"/v1/recordings/{id}/versions", json={"words": True})
    assert order.status_code == 202, order.text
    first, second = await forwarded(ingest, backend, 2)
    assert first.metadata == second.metadata == NAMES
    # A new job is as urgent as the channel is now.
    assert (first.lane, second.lane) == ("urgent", "backfill")


async def test_calls_and_submissions_get_it_too(ingest: Ingest, backend: Backend) -> None:
    fields = radio.TRUNK_RECORDER
    record = ChannelRecord(
        source=fields["system"],
        channel=fields["talkgroup"],
        label="not the recorder's",
        description="Fire Dispatch County",
        lane="backfill",
    )
    await known(ingest, backend, record)
    await known(ingest, backend)
    files = {"audio": ("call.wav", audio_files.wav(0.2))}
    answer = await ingest.http.post("/api/call-upload", data=dict(fields), files=files)
    assert answer.status_code == 200
    [call] = await forwarded(ingest, backend)
    assert call.lane == "backfill"
    assert call.metadata["talkgroup_label"] == fields["talkgroupLabel"]
    assert call.metadata["talkgroup_name"] == "Fire Dispatch County"
    said = Submission(audio=audio_files.wav(0.3), channel=FIRE.channel)
    await backend.bus.publish(Message(submission(FIRE.source, FIRE.channel), encode(said)))
    _, submitted = sorted(await forwarded(ingest, backend, 2), key=lambda job: job.source)
    assert (submitted.lane, submitted.metadata) == ("urgent", NAMES)


async def test_an_emergency_stays_one(ingest: Ingest, backend: Backend) -> None:
    fields = {**radio.TRUNK_RECORDER, "emergency": "1"}
    record = ChannelRecord(source=fields["system"], channel=fields["talkgroup"], lane="backfill")
    await known(ingest, backend, record)
    files = {"audio": ("call.wav", audio_files.wav(0.2))}
    await ingest.http.post("/api/call-upload", data=fields, files=files)
    [call] = await forwarded(ingest, backend)
    assert call.lane == "urgent"


async def test_it_is_known_after_a_restart_while_nats_is_away(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        await known(ingest, backend)
    backend.bus.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        await upload(ingest)
        [held] = ingest.spool.held
        assert held.entry.lane == "urgent"
        assert held.entry.recording.metadata == NAMES


async def test_the_keeper_goes_by_the_channel(ingest: Ingest, backend: Backend) -> None:
    await known(ingest, backend)
    settings = Rules(Limits(audio=90 * DAY))
    kept = await upload(ingest, channel="other")
    goes = await upload(ingest)
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    keeper = Keeper(
        ingest.upstream,
        ingest.eraser,
        lambda: ingest.book.rules(settings),
        1.0,
        lambda: datetime.now(UTC) + timedelta(days=31),
    )
    assert [forget.id for forget in await keeper.walk()] == [goes]
    assert kept != goes
    await known(ingest, backend, msgspec.structs.replace(FIRE, keep_audio="forever"))
    again = await upload(ingest, pitch=550.0)
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    assert again not in [forget.id for forget in await keeper.walk()]


async def test_the_keeper_deletes_nothing_while_nobody_knows_the_channels(
    tmp_path: Path, backend: Backend
) -> None:
    backend.bus.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        rules = Rules(Limits(audio=DAY))
        keeper = Keeper(ingest.upstream, ingest.eraser, lambda: ingest.book.rules(rules), 1.0)
        with pytest.raises(BusUnavailable, match="what is said of channels"):
            await keeper.walk()
