"""A radio call by each of the recorders' doors, and the words that come of it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.samples import samples
from shared.client import Accepted, Client
from shared.identity import recording_id
from shared.messages import Queued
from tests.support import radio
from tests.support.audio_files import reencode
from tests.support.radio import META_UPLOAD, TAKEN, sdrtrunk, trunk_recorder
from tests.support.stack import RunningStack, events_of, words

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


def accepted(source: str, start: int, audio: bytes) -> Accepted:
    """The recording that must have come of a call: its id is nobody's secret."""
    moment = datetime.fromtimestamp(start, UTC)
    id = recording_id(source, "54241", moment, hashlib.sha256(audio).hexdigest())
    return Accepted(id=id, version=None, status="accepted", events="", transcript="")


async def test_a_call_by_each_door_comes_out_as_its_words(
    stack: RunningStack, client: Client, tmp_path: Path
) -> None:
    port, start = stack.ports["INGEST"], int(datetime.now(UTC).timestamp())
    kinds = ("mp3", "wav", "m4a")
    mp3, wav, m4a = (
        reencode(CALL.path, tmp_path / f"call.{kind}", kind).read_bytes() for kind in kinds
    )
    begun = {"dateTime": str(start), "start_time": str(start)}
    meta = f'{{"talkgroup": 54241, "start_time": {start}, "short_name": "county", "emergency": 1}}'
    replies = [
        await sdrtrunk(port, {**radio.SDRTRUNK, **begun}, mp3),
        await trunk_recorder(port, {"key": "any", "system": "11", "meta": meta}, wav, META_UPLOAD),
        await trunk_recorder(
            port,
            {**radio.TRUNK_RECORDER_OPENMHZ, **begun},
            m4a,
            "/openmhz/county/upload",
            "call",
            "call.m4a",
        ),
    ]
    assert [(reply.status, reply.body) for reply in replies] == [
        (200, TAKEN),
        (200, TAKEN),
        (200, b""),
    ]
    for source, audio, lane, label in (
        ("11", mp3, "live", "County"),
        ("11", wav, "urgent", "county"),
        ("county", m4a, "live", "county"),
    ):
        events = await events_of(client, accepted(source, start, audio))
        assert words(events) == CALL.text
        assert isinstance(events[0], Queued)
        assert events[0].lane == lane
        for event in events:
            assert (event.source, event.channel) == (source, "54241")
            assert event.metadata["system_label"] == label
            assert event.metadata["talkgroup"] == 54241
