"""`DELETE /v1/recordings/{id}` and holds: what is erased is nowhere, and does not come back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest.eraser import Protected
from shared import object_keys, subjects
from shared.bus import Message
from shared.envelope import dead_message
from shared.erasure import Hold, Tombstone, bury, is_erased, tombstone
from shared.messages import Deleted, Recording, decode, encode
from shared.object_store import ObjectStore
from shared.of_recording import of_recording
from shared.topology import DEAD, EVENTS, JOBS, SUBMIT
from tests.support import audio_files
from tests.support.ingest import Ingest, events, files, jobs, put_in, serving, until
from tests.support.ingest_http import Backend, problem
from tests.support.nats_buses import until as until_met
from tests.support.submitting import inline, submit, waiting

CALL = audio_files.wav(0.5)
OTHER = audio_files.wav(0.5, pitch=500)


async def upload(ingest: Ingest, content: bytes = CALL) -> str:
    """A recording that was forwarded."""
    answer = await ingest.http.post("/v1/recordings?source=county&channel=fire", content=content)
    await until(lambda: not any(held.waiting for held in ingest.spool.held))
    return answer.json()["id"]


async def left(backend: Backend, id: str) -> list[str]:
    """What is there of a recording but for its tombstone and the announcement."""
    found = [key for key in backend.store.objects if id in key and "erased/" not in key]
    for stream in (SUBMIT, JOBS, EVENTS, DEAD):
        async for batch in backend.bus.read(stream.name, [">"]):
            for m in batch:
                if of_recording(m.subject, m.headers, m.data) == id:
                    found += [] if m.subject.endswith(".0.deleted") else [m.subject]
    return found


async def nothing_waits(backend: Backend) -> bool:
    return not await waiting(backend.bus)


async def announced(backend: Backend) -> list[Deleted]:
    found = await events(backend.bus)
    return [decode(m.data, Deleted) for m in found if m.subject.endswith(".0.deleted")]


async def test_a_recording_is_erased_everywhere_and_the_others_stay(
    ingest: Ingest, backend: Backend, tmp_path: Path
) -> None:
    id, other = await upload(ingest), await upload(ingest, OTHER)
    job = next(m for m in await jobs(backend.bus) if id in m.data.decode())
    await backend.bus.publish(dead_message("transcriber", job, "no-audio", "Nothing is heard."))
    await backend.store.put(object_keys.transcript(id, 1), b'{"text": "words"}')
    before = datetime.now(UTC)
    answer = await ingest.http.delete(f"/v1/recordings/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await left(backend, id) == []
    assert not any(id in name for name in files(tmp_path) if not name.startswith("erasures/"))
    assert ingest.spool.find(id) == []
    assert len(await left(backend, other)) >= 5
    (event,) = await announced(backend)
    assert (event.recording, event.source, event.channel) == (id, "county", "fire")
    assert (event.what, event.reason) == ("all", "request")
    stone = await tombstone(backend.store, id)
    assert stone is not None
    assert before <= stone.time <= datetime.now(UTC)
    # Asked again, it is done.
    assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 204


async def test_what_nobody_knows_is_not_erased(ingest: Ingest, backend: Backend) -> None:
    problem(await ingest.http.delete(f"/v1/recordings/{'0' * 32}"), 404)
    problem(await ingest.http.delete("/v1/recordings/nothing"), 400, "recording_id")
    assert backend.store.objects == {}


@pytest.mark.parametrize("away", ["store", "bus"])
async def test_while_something_is_away_it_is_accepted_and_done_later(
    tmp_path: Path, backend: Backend, away: str
) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        id = await upload(ingest)
        part = backend.store if away == "store" else backend.bus
        part.away = True
        answer = await ingest.http.delete(f"/v1/recordings/{id}")
        assert (answer.status_code, answer.json()) == (202, {"id": id, "status": "accepted"})
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        part.away = False
        await until(lambda: object_keys.record(id) not in backend.store.objects)
        await until(lambda: not ingest.spool.find(id))
        await until(lambda: not ingest.eraser.pending)
        assert await left(backend, id) == []


async def test_what_waits_in_the_spool_is_erased_with_the_rest(
    tmp_path: Path, backend: Backend
) -> None:
    backend.store.away = True
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        answer = await ingest.http.post("/v1/recordings", content=CALL)
        id = answer.json()["id"]
        assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 202
        backend.store.away = False
        await until(lambda: not ingest.eraser.pending)
        assert (ingest.spool.find(id), await left(backend, id)) == ([], [])
        assert await announced(backend)


async def test_sent_again_afterwards_it_is_a_new_recording(
    ingest: Ingest, backend: Backend
) -> None:
    id = await upload(ingest)
    await ingest.http.delete(f"/v1/recordings/{id}")
    assert await upload(ingest) == id
    assert object_keys.record(id) in backend.store.objects
    assert not await is_erased(backend.store, id)
    assert await jobs(backend.bus)
    # And may be erased again.
    assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 204
    assert await left(backend, id) == []


async def test_another_nodes_spool_forgets_it_too(tmp_path: Path, backend: Backend) -> None:
    async with (
        serving(tmp_path / "a", backend.store, backend.bus) as first,
        serving(tmp_path / "b", backend.store, backend.bus) as second,
    ):
        id = await upload(first)
        assert await upload(second) == id
        assert second.spool.find(id)
        await first.http.delete(f"/v1/recordings/{id}")
        await until(lambda: not second.spool.find(id))


async def test_a_node_that_was_down_forwards_nothing_of_it(
    tmp_path: Path, backend: Backend
) -> None:
    backend.store.away = True
    async with serving(tmp_path / "b", backend.store, backend.bus) as second:
        await second.http.post("/v1/recordings?source=county&channel=fire", content=CALL)
    backend.store.away = False
    async with serving(tmp_path / "a", backend.store, backend.bus) as first:
        id = await upload(first)
        await first.http.delete(f"/v1/recordings/{id}")
    # The announcement has aged out: the tombstone is enough.
    for message in await events(backend.bus):
        await backend.bus.delete(EVENTS.name, message.sequence)
    async with serving(tmp_path / "b", backend.store, backend.bus) as second:
        await until(lambda: not second.spool.find(id))
    assert await left(backend, id) == []


async def test_a_message_that_comes_again_does_not_bring_it_back(
    tmp_path: Path, backend: Backend
) -> None:
    message = inline(CALL)
    async with serving(tmp_path / "a", backend.store, backend.bus) as ingest:
        await submit(backend.bus, message)
        await until(lambda: backend.store.objects)
        await until(lambda: not any(held.waiting for held in ingest.spool.held))
        (held,) = ingest.spool.held
        id = held.entry.recording.id
    # It was taken by one whose acknowledgment was lost, and waits again, from before the erasure.
    await submit(backend.bus, message)
    stone = Tombstone(recording=id, time=datetime.now(UTC), reason="request")
    await bury(backend.store, stone)
    async with serving(tmp_path / "b", backend.store, backend.bus) as ingest:
        await until_met(lambda: nothing_waits(backend))
        await until(lambda: not ingest.spool.find(id))
        await until(lambda: object_keys.record(id) not in backend.store.objects)


async def test_a_message_that_waits_is_erased(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    ingest.stopping.set()
    await submit(backend.bus, inline(CALL))
    assert await left(backend, id)
    await ingest.eraser.ask(id, 5.0)
    assert await waiting(backend.bus) == []


async def test_what_comes_late_is_looked_for(tmp_path: Path, backend: Backend) -> None:
    async with serving(tmp_path, backend.store, backend.bus, again=0.2) as ingest:
        id = await upload(ingest)
        await ingest.http.delete(f"/v1/recordings/{id}")
        # A transcriber that did not know yet.
        await backend.store.put(object_keys.transcript(id, 1), b"{}")
        await backend.bus.publish(
            Message(subjects.event("county", "fire", id, 1, "completed"), b"{}")
        )
        await until(lambda: object_keys.transcript(id, 1) not in backend.store.objects)
    assert await left(backend, id) == []
    assert len(await announced(backend)) == 1


async def test_a_store_that_lost_its_tombstones_is_told_again(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        id = await upload(ingest)
        before = dict(backend.store.objects)
        await ingest.http.delete(f"/v1/recordings/{id}")
    backend.store.objects = before  # restored from a backup that knows of no erasure
    async with serving(tmp_path, backend.store, backend.bus):
        await until(lambda: object_keys.tombstone(id) in backend.store.objects)
        await until(lambda: object_keys.record(id) not in backend.store.objects)


async def test_a_hold_prevents_it(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    hold = f"/v1/recordings/{id}/hold"
    problem(await ingest.http.get(hold), 404)
    answer = await ingest.http.put(hold, json={"by": "Ms Gray", "why": "inquest 7/26"})
    assert answer.status_code == 200
    assert (await ingest.http.get(hold)).json() == answer.json()
    refusal = problem(await ingest.http.delete(f"/v1/recordings/{id}"), 409)
    assert "Ms Gray" in str(refusal["detail"])
    assert "inquest 7/26" in str(refusal["detail"])
    assert refusal["type"] == "urn:echobase:held"
    assert len(await left(backend, id)) >= 5
    assert (await ingest.http.delete(hold)).status_code == 204
    assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 204
    problem(await ingest.http.put(hold, json={"by": "x", "why": "y"}), 404)


@pytest.mark.parametrize("body", [{}, {"by": "x"}, {"by": "", "why": "y"}, {"by": "x", "why": 1}])
async def test_a_hold_says_who_and_why(ingest: Ingest, body: dict[str, object]) -> None:
    problem(await ingest.http.put(f"/v1/recordings/{'0' * 32}/hold", json=body), 400)


async def test_a_hold_that_is_found_late_stops_an_accepted_erasure(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        id = await upload(ingest)
        await ingest.http.put(f"/v1/recordings/{id}/hold", json={"by": "x", "why": "y"})
        backend.store.away = True
        assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 202
        backend.store.away = False
        await until(lambda: not ingest.eraser.pending)
        assert object_keys.record(id) in backend.store.objects
        with pytest.raises(Protected):
            await ingest.eraser.check(id)


def held_meanwhile(backend: Backend, before: str, id: str) -> None:
    """Let somebody have a recording kept just before an object is written."""
    put = backend.store.put

    async def late(key: str, data: bytes, *, content_type: str = "application/json") -> None:
        if key == before:
            hold = Hold(by="Ms Gray", why="inquest 7/26", since=datetime.now(UTC))
            backend.store.objects[object_keys.hold(id)] = encode(hold)
        await put(key, data, content_type=content_type)

    backend.store.put = late


async def test_a_hold_that_comes_between_is_seen(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    held_meanwhile(backend, object_keys.tombstone(id), id)
    problem(await ingest.http.delete(f"/v1/recordings/{id}"), 409)
    assert object_keys.tombstone(id) not in backend.store.objects
    assert len(await left(backend, id)) >= 5
    assert not ingest.eraser.pending


async def test_a_hold_that_comes_between_keeps_the_audio(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    record = decode(backend.store.objects[object_keys.record(id)], Recording)
    held_meanwhile(backend, object_keys.forgotten(id), id)
    with pytest.raises(Protected):
        await ingest.eraser.forget_audio(record, "age")
    assert record.audio in backend.store.objects
    assert object_keys.forgotten(id) not in backend.store.objects


async def test_what_is_being_erased_can_be_held_no_more(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    await bury(backend.store, Tombstone(recording=id, time=datetime.now(UTC), reason="request"))
    answer = await ingest.http.put(f"/v1/recordings/{id}/hold", json={"by": "x", "why": "y"})
    problem(answer, 404)
    assert object_keys.hold(id) not in backend.store.objects


async def test_a_hold_that_an_old_backup_brings_back_keeps_nothing_erased(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path, backend.store, backend.bus) as ingest:
        id = await upload(ingest)
        hold = f"/v1/recordings/{id}/hold"
        await ingest.http.put(hold, json={"by": "x", "why": "y"})
        before = dict(backend.store.objects)
        await ingest.http.delete(hold)
        assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 204
    backend.store.objects = before
    async with serving(tmp_path, backend.store, backend.bus):
        await until(lambda: object_keys.record(id) not in backend.store.objects)
    assert await left(backend, id) == []


async def test_only_the_audio_is_forgotten(ingest: Ingest, backend: Backend) -> None:
    id = await upload(ingest)
    store: ObjectStore = backend.store
    record = decode(await store.get(object_keys.record(id)), Recording)
    await ingest.eraser.forget_audio(record, "age")
    assert record.audio not in backend.store.objects
    assert object_keys.record(id) in backend.store.objects
    assert object_keys.forgotten(id) in backend.store.objects
    (event,) = await announced(backend)
    assert (event.what, event.reason) == ("audio", "age")
    assert encode(event)


async def test_the_refused_are_erased_too(ingest: Ingest) -> None:
    held = await put_in(ingest.spool, b"not forwarded")
    id = held.entry.recording.id
    assert ingest.spool.find(id)
    assert (await ingest.http.delete(f"/v1/recordings/{id}")).status_code == 204
    assert ingest.spool.find(id) == []
