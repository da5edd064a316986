"""What the API's description shows: one call, as each route tells of it."""

from datetime import UTC, datetime, timedelta

from services.stream.catalogue import VersionView
from services.stream.found import FoundRecording, RecordingPage, TextPart
from shared import object_keys
from shared.http.openapi import ID
from shared.messages import Options, Recording, Transcript, TranscriptSegment, VersionRequest

STREAM = "http://localhost:3000"
BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = BEGUN + timedelta(seconds=5)
TEXT = "Engine 7, structure fire, 12 Birch Street."
RECORDING = Recording(
    id=ID,
    source="county",
    channel="fire",
    sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    size=134_444,
    audio=object_keys.audio(ID, "wav"),
    container="wav",
    codec="pcm_s16le",
    duration=4.2,
    received=RECEIVED,
    start=BEGUN,
    filename="call.wav",
    metadata={"incident": 42},
)
VERSION = VersionView(
    version=1,
    status="completed",
    kind="model",
    request=VersionRequest(
        recording=ID, version=1, lane="live", options=Options(), requested=RECEIVED
    ),
    segments=1,
    transcript=f"{STREAM}/v1/recordings/{ID}/transcript.json?version=1",
)
TRANSCRIPT = Transcript(
    recording=ID,
    version=1,
    source="county",
    channel="fire",
    duration=4.2,
    language="en",
    model="medium.en",
    created=RECEIVED,
    text=TEXT,
    segments=[TranscriptSegment(index=0, start=0.4, end=3.9, text=TEXT, confidence=0.93)],
)
PAGE = RecordingPage(
    recordings=[
        FoundRecording(
            **{name: getattr(RECORDING, name) for name in RECORDING.__struct_fields__},
            status="completed",
            version=1,
            versions=1,
            corrected=False,
            confidence=0.93,
            needs_review=False,
            language="en",
            model="medium.en",
            text=TEXT,
            text_cut=False,
            segments=1,
            snippet=[
                TextPart(text="Engine 7, ", match=False),
                TextPart(text="structure fire", match=True),
                TextPart(text=", 12 Birch Street.", match=False),
            ],
            audio_deleted=None,
        )
    ],
    next="18f3a2b4c5d60",
    last_event_id="18c6d1f0a3b2c4d5-1042",
)
EVENTS = (
    "retry: 2000\n\n"
    "id: 18c6d1f0a3b2c4d5-1042\n"
    "event: segment\n"
    f'data: {{"type":"segment","recording":"{ID}","version":1,"source":"county",'
    '"channel":"fire","time":"2026-03-01T12:00:06Z","index":0,"chunk":0,"start":0.4,"end":3.9,'
    f'"text":"{TEXT}","confidence":0.93}}\n\n'
)
