"""Recordings page by page."""

from datetime import UTC, datetime, timedelta

import pytest

from services.stream import listing
from services.stream.catalogue import Catalogue
from services.stream.listing import LOOKED_AT, Wanted, page, parse
from shared import object_keys
from shared.errors import BadInput
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Recording, encode

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recording(number: int, *, source: str = "county", start: datetime | None = None) -> Recording:
    """Received so many minutes after noon."""
    id = f"{number:032x}"
    return Recording(
        id=id,
        source=source,
        channel=f"c{number % 2}",
        sha256="0" * 64,
        size=1,
        audio=object_keys.audio(id, "wav"),
        container="wav",
        codec="pcm_s16le",
        duration=1.0,
        received=NOON + timedelta(minutes=number),
        start=start,
    )


async def catalogue(*recordings: Recording) -> Catalogue:
    store = MemoryStore()
    for each in recordings:
        await store.put(each.audio, b"audio")
        await store.put(object_keys.record(each.id), encode(each))
        await store.put(object_keys.request(each.id, 1), b"{}")
    return Catalogue(store, MemoryBus(), "http://localhost:3001")


async def numbers(found: Catalogue, wanted: Wanted) -> list[int]:
    return [int(each.id, 16) for each in (await page(found, wanted)).recordings]


async def test_pages_hold_each_recording_once() -> None:
    found = await catalogue(*map(recording, range(50)))
    seen: list[int] = []
    query = [("limit", "7")]
    while True:
        answer = await page(found, parse(query))
        seen += [int(each.id, 16) for each in answer.recordings]
        assert len(answer.recordings) <= 7
        if answer.next is None:
            break
        query = [("limit", "7"), ("cursor", answer.next)]
    assert seen == list(range(50))


async def test_filters_combine() -> None:
    found = await catalogue(*map(recording, range(6)), recording(6, source="city"))
    assert await numbers(found, parse([("source", "city")])) == [6]
    assert await numbers(found, parse([("source", "city"), ("source", "county")])) == [*range(7)]
    assert await numbers(found, parse([("source", "county"), ("channel", "c0")])) == [0, 2, 4]
    assert await numbers(found, parse([("source", "nobody")])) == []


async def test_times_are_those_of_the_recording_where_they_are_known() -> None:
    early = recording(9, start=NOON - timedelta(days=1))
    found = await catalogue(*map(recording, range(4)), early)
    assert await numbers(found, parse([("since", "2026-03-01T12:02:00Z")])) == [2, 3]
    assert await numbers(found, parse([("until", "2026-03-01T14:02:00+02:00")])) == [0, 1, 9]
    assert await numbers(found, parse([("until", "2026-03-01T14:02:00 02:00")])) == [0, 1, 9]
    between = parse([("since", "2026-03-01T12:00:00Z"), ("until", "2026-03-01T12:01:00Z")])
    assert await numbers(found, between) == [0]


async def test_a_recording_whose_storing_has_only_begun_is_not_listed() -> None:
    store = MemoryStore()
    await store.put(object_keys.audio("a" * 32, "wav"), b"audio")
    found = Catalogue(store, MemoryBus(), "")
    assert await page(found, Wanted()) == listing.RecordingPage(recordings=[], next=None)


async def test_a_rare_recording_is_found_by_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 20)
    assert LOOKED_AT > 20
    found = await catalogue(*map(recording, range(50)), recording(50, source="city"))
    first = await page(found, parse([("source", "city")]))
    assert (first.recordings, first.next) == ([], f"{19:032x}")
    second = await page(found, parse([("source", "city"), ("cursor", first.next or "")]))
    third = await page(found, parse([("source", "city"), ("cursor", second.next or "")]))
    assert ([each.source for each in third.recordings], third.next) == (["city"], None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("source", ""),
        ("channel", "x" * 201),
        ("since", "yesterday"),
        ("since", "2026-03-01T12:00:00"),
        ("until", ""),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "many"),
        ("cursor", "../x"),
        ("cursor", ""),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse([(name, value)])
    assert refused.value.field == name
    assert refused.value.limit
