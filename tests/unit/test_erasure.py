"""Tombstones: what was erased, and whether it was sent anew; of which recording a message is."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared import envelope, object_keys
from shared.bus import StoredMessage
from shared.erasure import Tombstone, bury, is_erased, latest, tombstone, tombstones
from shared.identity import recording_id
from shared.memory_store import MemoryStore
from shared.messages import Deleted, encode
from shared.of_recording import of_recording
from tests.support.events import queued
from tests.support.ingest import NOON, entry

ENTRY = entry(b"words")
ID = ENTRY.recording.id


def stone(minutes: int, id: str = ID) -> Tombstone:
    return Tombstone(recording=id, time=NOON + timedelta(minutes=minutes), reason="request")


async def test_what_was_erased_is_erased_until_it_is_sent_anew() -> None:
    store = MemoryStore()
    assert not await is_erased(store, ID)
    await bury(store, stone(5))
    assert await is_erased(store, ID)
    await store.put(object_keys.record(ID), encode(ENTRY.recording))
    assert await is_erased(store, ID)
    await store.put(object_keys.record(ID), encode(entry(b"words", minute=6).recording))
    assert not await is_erased(store, ID)


async def test_a_later_tombstone_stands() -> None:
    store = MemoryStore()
    await bury(store, stone(5))
    await bury(store, stone(3))
    assert await tombstone(store, ID) == stone(5)
    await bury(store, stone(7))
    assert [each async for each in tombstones(store)] == [stone(7)]


def test_a_tombstone_says_nothing_of_what_was_said() -> None:
    assert set(msgspec.json.decode(encode(stone(1)))) == {"recording", "time", "reason"}


def test_of_several_ledgers_the_latest_counts_and_what_is_no_id_is_left() -> None:
    other = "f" * 32
    found = latest([stone(1), stone(2, other)], [stone(3)], [stone(4, "../x")])
    assert found == {ID: stone(3), other: stone(2, other)}


def test_every_kind_of_message_is_known_by_its_recording() -> None:
    recording = ENTRY.recording
    job = envelope.job_message(ENTRY.job(1))
    event = envelope.event_message(ENTRY.queued(1, NOON))
    gone = envelope.deleted_message(
        Deleted(
            recording=ID, source="county", channel="fire", time=NOON, what="all", reason="request"
        )
    )
    inline = {"audio": base64.b64encode(b"words").decode()}
    named = {"object": "inbox/a.wav", "source": " county "}
    submissions = [
        ("echobase.submit.county.fire", msgspec.json.encode(said)) for said in (inline, named)
    ]
    for subject, data in [(m.subject, m.data) for m in (job, event, gone)] + submissions:
        message = StoredMessage(subject, data, {}, 7)
        letter = envelope.dead_message("ingest", message, "code", "reason")
        for each in (message, letter):
            found = of_recording(
                each.subject, each.headers, each.data, lambda key: recording.sha256 if key else None
            )
            assert found == ID


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        ("echobase.events.a.b.c.0.refused", b"{}"),
        ("echobase.jobs.live", b"none"),
        ("echobase.submit.a.b", b"none"),
        ("echobase.submit.a.b", b'{"object": "inbox/x"}'),
        ("$KV.bucket.key", b"{}"),
    ],
)
def test_what_is_of_no_recording_is_of_none(subject: str, data: bytes) -> None:
    assert of_recording(subject, {}, data) is None


def test_the_start_is_part_of_whose_message_it_is() -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    data = msgspec.json.encode({"audio": base64.b64encode(b"x").decode(), "start": start})
    sha256 = hashlib.sha256(b"x").hexdigest()
    assert of_recording("echobase.submit.a.b", {}, data) == recording_id("a", "b", start, sha256)


def test_a_recordings_events_are_its_own() -> None:
    assert queued().recording == of_recording(envelope.event_message(queued()).subject, {}, b"")
