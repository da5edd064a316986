"""The keeper against a store: a controlled clock, and what is gone then."""

from datetime import UTC, datetime, timedelta

from services.ingest.keeper import Keeper
from shared import object_keys
from shared.erasure import Hold, Tombstone, bury
from shared.keeping import Forget, Limits, Rule, Rules
from shared.messages import Deleted, decode, encode
from tests.support import audio_files
from tests.support.ingest import Ingest, events, until
from tests.support.ingest_http import Backend

DAY = 86_400.0


async def upload(ingest: Ingest, pitch: float = 440.0, channel: str = "fire") -> str:
    answer = await ingest.http.post(
        f"/v1/recordings?source=county&channel={channel}",
        content=audio_files.wav(0.5, pitch=pitch),
    )
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    return answer.json()["id"]


def keeper(ingest: Ingest, rules: Rules, days: float) -> Keeper:
    """One whose clock is so many days ahead."""
    return Keeper(
        ingest.upstream,
        ingest.eraser,
        lambda: ingest.book.rules(rules),
        1.0,
        lambda: datetime.now(UTC) + timedelta(days=days),
    )


def keys(backend: Backend, id: str) -> list[str]:
    prefix = object_keys.recording_prefix(id)
    found = [key.removeprefix(prefix) for key in backend.store.objects if key.startswith(prefix)]
    return sorted(found)


async def test_first_the_audio_goes_and_then_the_rest(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    rules = Rules(Limits(audio=30 * DAY, transcripts=300 * DAY))
    assert await keeper(ingest, rules, 29).walk() == []
    assert await keeper(ingest, rules, 31).walk() == [Forget(id, "audio", "age")]
    assert keys(backend, id) == ["forgotten.json", "recording.json", "versions/1/request.json"]
    assert await keeper(ingest, rules, 32).walk() == []
    assert await keeper(ingest, rules, 301).walk() == [Forget(id, "all", "age")]
    assert keys(backend, id) == []
    told = [
        decode(m.data, Deleted)
        for m in await events(backend.bus)
        if m.subject.endswith(".0.deleted")
    ]
    # Of a recording that is gone, only its end is told.
    assert [(event.what, event.reason) for event in told] == [("all", "age")]
    assert object_keys.tombstone(id) in backend.store.objects
    await keeper(ingest, rules, 301 + 91).walk()
    assert object_keys.tombstone(id) not in backend.store.objects


async def test_a_channel_and_a_hold_have_their_way(ingest: Ingest, backend: Backend) -> None:
    fire, ems, held = (
        await upload(ingest),
        await upload(ingest, channel="ems"),
        await upload(ingest, 500, "ems"),
    )
    hold = Hold(by="x", why="y", since=datetime.now(UTC))
    await backend.store.put(object_keys.hold(held), encode(hold))
    rules = Rules(Limits(audio=30 * DAY), {"county/ems": Rule(transcripts="1d")})
    assert await keeper(ingest, rules, 2).walk() == [Forget(ems, "all", "age")]
    assert (keys(backend, ems), len(keys(backend, fire)), len(keys(backend, held))) == ([], 3, 4)


async def test_over_the_bytes_the_oldest_goes(ingest: Ingest, backend: Backend) -> None:
    first, second = await upload(ingest), await upload(ingest, 500)
    size = len(audio_files.wav(0.5))
    rules = Rules(Limits(audio_bytes=size + 10))
    assert await keeper(ingest, rules, 0).walk() == [Forget(first, "audio", "size")]
    assert len(keys(backend, second)) == 3


async def test_two_keepers_do_no_harm(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    rules = Rules(Limits(transcripts=DAY))
    one, two = keeper(ingest, rules, 2), keeper(ingest, rules, 2)
    assert await one.walk() == [Forget(id, "all", "age")]
    assert await two.walk() == []
    assert keys(backend, id) == []


async def test_a_tombstone_that_was_asked_for_stays(ingest: Ingest, backend: Backend) -> None:
    asked = Tombstone(recording="a" * 32, time=datetime.now(UTC), reason="request")
    await bury(backend.store, asked)
    await keeper(ingest, Rules(), 9_999).walk()
    assert object_keys.tombstone("a" * 32) in backend.store.objects


async def test_what_came_after_an_erasure_is_swept(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    await ingest.http.delete(f"/v1/recordings/{id}")
    await backend.store.put(object_keys.transcript(id, 1), b"{}")
    await keeper(ingest, Rules(), 0.5).walk()
    assert keys(backend, id) == []
