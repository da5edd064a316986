"""Refused submissions reach readers like any event, and are no recording."""

import pytest

from services.ingest.submitted import refusal
from shared import subjects
from shared.bus import Bus, StoredMessage
from shared.envelope import refused_message
from shared.errors import BadMessage
from shared.s3_store import S3Store
from tests.support.calls import Call
from tests.support.ingest import NOON
from tests.support.stream import Running, fields, reading

pytestmark = pytest.mark.servers


async def test_a_refusal_is_followed_by_type_source_and_id(bus: Bus, stream: Running) -> None:
    subject = subjects.submission("Bezirk Süd", "fire")
    message = StoredMessage(
        subject, b'{"correlation_id": "call-1", "source": "Bezirk S\\u00fcd"}', {}, 5
    )
    event = refusal(message, BadMessage("It is nonsense."), NOON)
    for query in ("type=refused", "source=Bezirk%20S%C3%BCd", ""):
        async with reading(stream.http, query) as reader:
            await bus.publish(refused_message(event, subject))
            found = await reader.next()
            assert found.event == "refused"
            assert fields(found) == {
                "type": "refused",
                "submission": event.submission,
                "sequence": 5,
                "source": "Bezirk Süd",
                "channel": "fire",
                "time": "2026-03-01T12:00:00Z",
                "code": "bad-message",
                "reason": "It is nonsense.",
                "correlation_id": "call-1",
            }
    async with reading(stream.http, f"recording={event.submission}") as reader:
        assert fields(await reader.next())["submission"] == event.submission


async def test_a_refusal_is_no_recording(bus: Bus, store: S3Store, stream: Running) -> None:
    subject = subjects.submission("county", "fire")
    event = refusal(StoredMessage(subject, b"{", {}, 5), BadMessage("It is nonsense."), NOON)
    await bus.publish(refused_message(event, subject))
    for path in ("", "/transcript.json", "/audio"):
        found = await stream.http.get(f"/v1/recordings/{event.submission}{path}")
        assert found.status_code == 404
    call = Call(bus)
    await call.whole("Engine seven")
    async with reading(stream.http, f"recording={call.recording}") as reader:
        assert (await reader.next()).event == "queued"
