"""A message of each kind: what the document shows, and what tests send."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict, cast

import msgspec

from shared import messages, object_keys
from shared.asyncapi.schemas import Json
from shared.identity import recording_id

SILENCE = base64.b64decode(
    "ZkxhQ4AAACICQAJAAAALAAANAfQA8AAAD6BYEBJJx2tzW9dM5TArAJMX//gkCADKAAAAznb/+CQIAc0AAACiDv/4JAgCxA"
    "AAABaG//gkCAPDAAAAev7/+CQIBNYAAAD/k//4JAgF0QAAAJPr//h0CAYCH58AAACUiQ=="
)
"""Half a second of silence, as FLAC: a message that holds it can be read."""
_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PLAN = messages.Plan(
    model="medium.en",
    options=messages.Options(model="medium.en", language="en"),
    longest_chunk=30.0,
    join_pauses=True,
    shortest_pause=0.5,
    padding=0.4,
    window_margin=None,
    beam_size=5,
)
RECORDING = recording_id("county", "fire", _START, hashlib.sha256(SILENCE).hexdigest())
"""Of the first submission."""
_REFUSED = "9c7a5d1f03b94e2e8f6b1a2c3d4e5f60"
_IDS: Mapping[str, str] = {
    "queued": "c0a3f7be6d7c4f0a9a2d4f1f52b71b01",
    "started": "c0a3f7be6d7c4f0a9a2d4f1f52b71b02",
    "segment": "c0a3f7be6d7c4f0a9a2d4f1f52b71b03",
    "completed": "c0a3f7be6d7c4f0a9a2d4f1f52b71b04",
    "failed": "c0a3f7be6d7c4f0a9a2d4f1f52b71b05",
    "corrected": "c0a3f7be6d7c4f0a9a2d4f1f52b71b06",
    "refused": "c0a3f7be6d7c4f0a9a2d4f1f52b71b07",
    "deleted": "c0a3f7be6d7c4f0a9a2d4f1f52b71b08",
}
"""Any ids: what is made is the same each time."""

SUBMISSIONS: Mapping[str, messages.Submission] = {
    "inline": messages.Submission(
        audio=SILENCE,
        start=_START,
        lane="urgent",
        metadata={"incident": 42},
        correlation_id="call-8121",
        filename="call.flac",
    ),
    "object": messages.Submission(
        object="inbox/dispatch/2026-03-01/call-8122.wav",
        source="county",
        channel="fire",
        language="en",
        words=True,
        hotwords="Birch Street",
        correlation_id="call-8122",
    ),
}

ACKNOWLEDGMENTS: Mapping[str, Json] = {
    "kept": {"stream": "SUBMIT", "seq": 42},
    "again": {"stream": "SUBMIT", "seq": 42, "duplicate": True},
    "too-large": {
        "error": {
            "code": 400,
            "err_code": 10054,
            "description": "message size exceeds maximum allowed",
        },
        "stream": "SUBMIT",
        "seq": 0,
    },
    "full": {
        "error": {"code": 503, "err_code": 10077, "description": "maximum bytes exceeded"},
        "stream": "SUBMIT",
        "seq": 0,
    },
}


def events() -> Mapping[str, messages.Event | messages.Refused | messages.Deleted]:
    """An event of each type: a call that was transcribed, one that was not, what came after."""
    return {
        "queued": messages.Queued(
            **_of(0.1),
            metadata={"incident": 42},
            correlation_id="call-8121",
            lane="urgent",
            duration=0.5,
            options=messages.Options(),
        ),
        "started": messages.Started(
            **_of(0.4), worker="transcriber-7c9f", attempt=1, plan=_PLAN, correlation_id="call-8121"
        ),
        "segment": messages.Segment(
            **_of(1.2),
            correlation_id="call-8121",
            index=0,
            chunk=0,
            start=0.4,
            end=1.9,
            text="Engine 7, Birch Street.",
            confidence=0.93,
            words=[
                messages.Word(0.4, 0.7, "Engine", 0.97),
                messages.Word(0.7, 0.9, "7,", 0.95),
                messages.Word(1.1, 1.5, "Birch", 0.88),
                messages.Word(1.5, 1.9, "Street.", 0.92),
            ],
        ),
        "completed": messages.Completed(
            **_of(1.3),
            correlation_id="call-8121",
            transcript=object_keys.transcript(RECORDING, 1),
            segments=1,
            duration=4.2,
            language="en",
            model="medium.en",
            processing=0.9,
        ),
        "failed": messages.Failed(
            **_of(1.3), code="model-unavailable", reason="There is no model 'large-v9'."
        ),
        "corrected": messages.Corrected(
            **_of(900, version=2),
            base=1,
            by="kb",
            transcript=object_keys.transcript(RECORDING, 2),
            segments=1,
        ),
        "refused": messages.Refused(
            submission=_REFUSED,
            sequence=42,
            source="county",
            channel="fire",
            time=_time(0.1),
            code="not-audio",
            reason="the file is no audio that we accept: it is text; accepted are wav, mp3, …",
            field="audio",
            correlation_id="call-8123",
        ),
        "deleted": messages.Deleted(
            recording=RECORDING,
            source="county",
            channel="fire",
            time=_time(86_400),
            what="all",
            reason="request",
        ),
    }


def payload(message: msgspec.Struct) -> Json:
    """What a message says, as JSON has it."""
    return cast(Json, msgspec.to_builtins(message))


def headers(type: str) -> dict[str, str]:
    """The headers of the event of a type."""
    event = events()[type]
    time = event.time.isoformat().replace("+00:00", "Z")
    by = {"queued": "ingest", "refused": "ingest", "deleted": "ingest", "corrected": "stream"}
    found = {
        "ce-specversion": "1.0",
        "ce-id": _IDS[type],
        "ce-source": f"/echobase/{by.get(type, 'transcriber')}",
        "ce-type": f"echobase.event.{type}",
        "ce-time": time,
        "ce-datacontenttype": "application/json",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    if type == "deleted":
        found["Nats-Msg-Id"] = f"deleted-{RECORDING}-all-{time}"
    return found


class _Common(TypedDict):
    recording: str
    version: int
    source: str
    channel: str
    time: datetime


def _of(seconds: float, version: int = 1) -> _Common:
    return {
        "recording": RECORDING,
        "version": version,
        "source": "county",
        "channel": "fire",
        "time": _time(seconds),
    }


def _time(seconds: float) -> datetime:
    return _START + timedelta(seconds=5 + seconds)
