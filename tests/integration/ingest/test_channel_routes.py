"""`/v1/channels/{source}/{channel}`: said, asked for, taken back; by whom, and what is refused."""

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from shared.key_value import KeyValue
from shared.topology import CHANNELS
from tests.support.channels import FIRE, say
from tests.support.ingest import Ingest, until
from tests.support.ingest_http import Backend, problem

SAID = {
    "label": "FD West",
    "description": "Fire Dispatch West",
    "tag": "Fire Dispatch",
    "group": "Fire",
    "language": "en",
    "prompt": "Engine 4, Medic 2.",
    "hotwords": ["Engine 4", "Birch Street"],
    "lane": "urgent",
    "keep_audio": "30d",
}
"""What makes the channel FIRE."""


def path(source: str = FIRE.source, channel: str = FIRE.channel) -> str:
    return f"/v1/channels/{quote(source, safe='')}/{quote(channel, safe='')}"


async def put(ingest: Ingest, body: object, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ingest.http.put(path(), json=body, headers=names)


async def test_what_is_said_is_told_and_known(ingest: Ingest, backend: Backend) -> None:
    answer = await put(ingest, SAID)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**SAID, "source": FIRE.source, "channel": FIRE.channel}
    await until(lambda: ingest.book.all() == [FIRE])
    again = await ingest.http.get(path())
    assert (again.json(), again.headers["etag"]) == (answer.json(), answer.headers["etag"])
    # In the place of all before; said twice, it is said once.
    later = await put(ingest, {"label": "FD"})
    assert later.json() == {"source": FIRE.source, "channel": FIRE.channel, "label": "FD"}
    same = await put(ingest, {"label": " FD ", "prompt": ""})
    assert same.headers["etag"] == later.headers["etag"]
    assert (await ingest.http.delete(path())).status_code == 204
    await until(lambda: ingest.book.all() == [])
    problem(await ingest.http.get(path()), 404)
    problem(await ingest.http.delete(path()), 404)


async def test_what_was_answered_counts_and_outlives_a_kill(
    ingest: Ingest, backend: Backend, tmp_path: Path
) -> None:
    copy = tmp_path.with_name(f"{tmp_path.name}-channels.json")

    def on_disk() -> list[dict[str, str]]:
        return json.loads(copy.read_bytes())["channels"]

    for label in ("FD 1", "FD 2", "FD 2"):
        assert (await put(ingest, {"label": label})).status_code == 200
        [record] = ingest.book.all()
        assert record.label == label
        assert [each["label"] for each in on_disk()] == [label]
    assert (await ingest.http.delete(path())).status_code == 204
    assert ingest.book.all() == on_disk() == []


@pytest.mark.parametrize("name", ["a/b", 'Kanal "1"', "Süd", "%2F", "a.b", "..", "x" * 128])
async def test_any_name_is_possible(ingest: Ingest, name: str) -> None:
    # httpx would take `..` out of the path.
    place = path(name, name).replace("/..", "/%2E%2E")
    answer = await ingest.http.put(place, json={"label": "A"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["source"], found["channel"]) == (name, name)
    await until(lambda: ingest.book.find(name, name))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "x" * 129}, "label"),
        ({"lane": "soon"}, "lane"),
        ({"language": "german"}, "language"),
        ({"keep_audio": "30"}, "keep_audio"),
        ({"hotwords": ["a\nb"]}, "hotwords"),
        ({"prompt": "x" * 1001}, "prompt"),
    ],
)
async def test_a_bad_value_is_refused_with_its_limit(
    ingest: Ingest, body: dict[str, object], field: str
) -> None:
    assert problem(await put(ingest, body), 400, field)["limit"]
    assert ingest.book.all() == []


@pytest.mark.parametrize("body", [{"color": "red"}, {"label": 5}, {"hotwords": "Engine 4"}, []])
async def test_what_does_not_fit_is_refused(ingest: Ingest, body: object) -> None:
    problem(await put(ingest, body), 400)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("/v1/channels/a/b/c", "channel"),
        ("/v1/channels/a/%00", "channel"),
        ("/v1/channels/%20/b", "source"),
        ("/v1/channels/a/" + "x" * 129, "channel"),
        ("/v1/channels/a/%FF", "channel"),
    ],
)
async def test_what_is_no_place_is_refused(ingest: Ingest, place: str, field: str) -> None:
    assert problem(await ingest.http.put(place, json={"label": "A"}), 400, field)["limit"]


async def test_who_counts_on_an_older_revision_is_told(ingest: Ingest) -> None:
    problem(await put(ingest, SAID, If_Match="*"), 412)
    first = await put(ingest, SAID, If_None_Match="*")
    assert first.status_code == 200
    problem(await put(ingest, {"label": "A"}, If_None_Match="*"), 412)
    second = await put(ingest, {"label": "A"}, If_Match=first.headers["etag"])
    assert second.status_code == 200
    problem(await put(ingest, {"label": "B"}, If_Match=first.headers["etag"]), 412)
    gone = await ingest.http.delete(path(), headers={"If-Match": first.headers["etag"]})
    problem(gone, 412)
    assert (await put(ingest, {"label": "C"}, If_Match="*")).status_code == 200
    for header in ({"If_Match": "W/x"}, {"If_None_Match": '"1"'}):
        assert problem(await put(ingest, {"label": "D"}, **header), 400)["limit"]
    assert (await ingest.http.delete(path())).status_code == 204
    assert (await put(ingest, SAID, If_None_Match="*")).status_code == 200


async def test_of_many_at_once_one_wins(ingest: Ingest) -> None:
    first = await put(ingest, SAID)
    answers = await asyncio.gather(
        *(put(ingest, {"label": f"{n}"}, If_Match=first.headers["etag"]) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_what_cannot_be_read_is_said_anew(ingest: Ingest, backend: Backend) -> None:
    await say(backend.bus, FIRE)
    await KeyValue(backend.bus, CHANNELS).put(FIRE.key, b"junk")
    problem(await ingest.http.get(path()), 404)
    assert (await put(ingest, SAID)).status_code == 200
    assert (await ingest.http.get(path())).json()["label"] == "FD West"


async def test_while_nats_is_away_nothing_is_promised(ingest: Ingest, backend: Backend) -> None:
    backend.bus.away = True
    for answer in (
        await put(ingest, SAID),
        await ingest.http.get(path()),
        await ingest.http.delete(path()),
    ):
        problem(answer, 503)
        assert answer.headers["retry-after"]


async def test_the_description_has_examples(ingest: Ingest) -> None:
    found = (await ingest.http.get("/ingest/openapi.json")).json()
    operation = found["paths"]["/v1/channels/{source}/{channel}"]["put"]
    examples = operation["requestBody"]["content"]["application/json"]["schema"]["examples"]
    assert len(examples) == 2
    for example in examples:
        body = example.get("value", example)
        assert (await put(ingest, body)).status_code == 200
    text = json.dumps(found["components"]["schemas"]["ChannelOrder"])
    for limit in ("at most 128 characters", "30d", "urgent, live, backfill"):
        assert limit in text
