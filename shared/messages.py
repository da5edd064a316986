"""What travels on NATS, is stored as JSON and reaches a browser: one struct per kind.

Unknown fields are ignored and missing ones refused, so that the format can grow; only in what
others submit is an unknown field refused, since a wish that is not understood cannot be granted.
Times of day are RFC 3339 in UTC; offsets and durations are seconds.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from shared.errors import BadMessage
from shared.guards import Guards
from shared.subjects import Lane

Seconds = Annotated[float, Meta(ge=0)]
Confidence = Annotated[float, Meta(ge=0, le=1)]
Metadata = dict[str, object]
NO_SPEECH = Meta(description="Probability that its window holds no speech, 0 to 1; null if unknown")
M = TypeVar("M")


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a version is to be transcribed; equal options mean the same version."""

    model: Annotated[str | None, Meta(description="Model name; the worker's own if absent")] = None
    language: Annotated[
        str | None,
        Meta(description="ISO 639-1 code; its channel's, the worker's, or detected, if absent"),
    ] = None
    task: Annotated[
        Literal["transcribe", "translate"], Meta(description="Into English if `translate`")
    ] = "transcribe"
    prompt: Annotated[
        str | None,
        Meta(description="Text that sets spelling and style; its channel's, or the worker's"),
    ] = None
    hotwords: Annotated[
        str | None, Meta(description="Words to expect; its channel's if absent")
    ] = None
    words: Annotated[bool, Meta(description="Give each word's time and confidence")] = False


class Recording(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One accepted audio file, as `recording.json` beside it keeps it."""

    id: Annotated[str, Meta(description="See `shared.identity`")]
    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    sha256: Annotated[str, Meta(description="SHA-256 of the audio file, in hex")]
    size: Annotated[int, Meta(ge=0, description="Bytes of the audio file")]
    audio: Annotated[str, Meta(description="Key of the audio in the store")]
    container: Annotated[str, Meta(description="Container format, as PyAV names it")]
    codec: Annotated[str, Meta(description="Audio codec, as PyAV names it")]
    duration: Annotated[Seconds, Meta(description="Seconds of audio")]
    received: Annotated[datetime, Meta(description="When ingest accepted it")]
    start: Annotated[
        datetime | None, Meta(description="When the recording began, if the caller said so")
    ] = None
    filename: Annotated[str | None, Meta(description="The caller's name for the file")] = None
    metadata: Annotated[Metadata, Meta(description="What else the caller said of it")] = {}
    correlation_id: Annotated[
        str | None, Meta(description="The id that its first submitter gave it")
    ] = None


class SegmentCorrection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a segment should say; one without `index` was missing."""

    text: Annotated[
        str, Meta(max_length=10_000, description="What was said; empty takes the segment out")
    ]
    index: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="The segment of the version that is corrected; a new one if absent"),
    ] = None
    start: Annotated[
        Seconds | None,
        Meta(description="Seconds from the recording's beginning; as it was if absent"),
    ] = None
    end: Annotated[
        Seconds | None,
        Meta(description="Seconds from the recording's beginning; as it was if absent"),
    ] = None


class Correction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody corrected by hand, and in which version."""

    base: Annotated[int, Meta(ge=1, description="Version that was corrected")]
    segments: Annotated[
        list[SegmentCorrection], Meta(description="What differs from it; none: it is right")
    ]
    key: Annotated[str, Meta(description="Id of the key that was used")]
    by: Annotated[str, Meta(description="Who corrected, in their own words")] = ""


class VersionRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claim to a version's number, as `request.json` keeps it."""

    recording: Annotated[str, Meta(description="Recording id")]
    version: Annotated[int, Meta(ge=1, description="Version number")]
    lane: Annotated[Lane, Meta(description="Lane of its job")]
    options: Annotated[Options, Meta(description="As asked for")]
    requested: Annotated[datetime, Meta(description="When it was asked for")]
    correlation_id: Annotated[str | None, Meta(description="The submitter's own id")] = None
    correction: Annotated[
        Correction | None, Meta(description="If it was made by hand, and not by a model")
    ] = None


class Submission(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What another service publishes to SUBMIT; it has `object` or `audio`, and not both."""

    object: Annotated[
        str | None, Meta(description="Key of the audio in the store, under `inbox/`")
    ] = None
    audio: Annotated[
        bytes | None,
        Meta(description="The audio itself, of at most `ECHOBASE_SUBMIT_INLINE_BYTES`"),
    ] = None
    source: Annotated[
        str | None, Meta(description="Who recorded it; the subject's token if absent")
    ] = None
    channel: Annotated[
        str | None, Meta(description="Which stream of the source; the subject's token if absent")
    ] = None
    start: Annotated[
        datetime | None, Meta(description="When the recording began; part of its identity")
    ] = None
    lane: Annotated[
        Lane | None,
        Meta(description="How soon it is transcribed; its channel's, or `live`, if absent"),
    ] = None
    language: Annotated[str | None, Meta(description="As in Options")] = None
    prompt: Annotated[str | None, Meta(description="As in Options")] = None
    hotwords: Annotated[str | None, Meta(description="As in Options")] = None
    words: Annotated[bool, Meta(description="As in Options")] = False
    task: Annotated[Literal["transcribe", "translate"], Meta(description="As in Options")] = (
        "transcribe"
    )
    model: Annotated[str | None, Meta(description="As in Options")] = None
    metadata: Annotated[
        Metadata, Meta(description="What else to keep with it, copied into every event")
    ] = {}
    correlation_id: Annotated[
        str | None, Meta(description="The submitter's own id, copied into every event")
    ] = None
    filename: Annotated[
        str | None, Meta(description="Name of the audio file; that of `object` if absent")
    ] = None
    format: Annotated[Literal[1], Meta(description="Version of this format")] = 1


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The request to make one version of one recording's transcript."""

    recording: Annotated[str, Meta(description="Recording id")]
    version: Annotated[int, Meta(ge=1, description="Version number")]
    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    lane: Annotated[Lane, Meta(description="Lane in which it waits")]
    audio: Annotated[str, Meta(description="Key of the audio in the store")]
    duration: Annotated[Seconds, Meta(description="Seconds of audio")]
    options: Annotated[Options, Meta(description="As asked for")]
    metadata: Annotated[Metadata, Meta(description="Copied into every event")] = {}
    correlation_id: Annotated[str | None, Meta(description="Copied into every event")] = None


class Word(Struct, frozen=True):
    """One word of a segment."""

    start: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    end: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    text: Annotated[str, Meta(description="The word, without surrounding space")]
    confidence: Annotated[Confidence, Meta(description="0 to 1")]


class EventBase(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every event of a version carries."""

    recording: Annotated[str, Meta(description="Recording id")]
    version: Annotated[int, Meta(ge=1, description="Version number")]
    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    time: Annotated[datetime, Meta(description="When it happened")]
    metadata: Annotated[Metadata, Meta(description="As submitted with the recording")] = {}
    correlation_id: Annotated[str | None, Meta(description="As submitted")] = None

    @property
    def type(self) -> str:
        """The type of the event: `queued`, `started`, …"""
        return str(self.__struct_config__.tag)


class Queued(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="queued"):
    """The version was asked for and its job is about to be published."""

    lane: Annotated[Lane, Meta(description="Lane in which its job waits")]
    duration: Annotated[Seconds, Meta(description="Seconds of audio")]
    options: Annotated[Options, Meta(description="As asked for")]


class Plan(Struct, frozen=True, kw_only=True):
    """How a version is decoded: frozen by its first `started`, obeyed by whoever resumes it."""

    model: Annotated[str, Meta(description="Model name")]
    options: Annotated[Options, Meta(description="With the worker's own values filled in")]
    longest_chunk: Annotated[Seconds, Meta(description="No chunk lasts longer, in seconds")]
    join_pauses: Annotated[bool, Meta(description="Whether one chunk may hold several utterances")]
    shortest_pause: Annotated[Seconds, Meta(description="A shorter pause cuts nothing, in seconds")]
    padding: Annotated[Seconds, Meta(description="Audio kept around an utterance, in seconds")]
    window_margin: Annotated[
        Seconds | None,
        Meta(
            description="The encoder sees the chunk and this many seconds more; "
            "the model's whole 30 s window if null"
        ),
    ]
    beam_size: Annotated[int, Meta(ge=1, description="Beams of the decoder")]
    window_step: Annotated[
        Seconds,
        Meta(description="A window shorter than 30 s lasts a multiple of this, in seconds; 0: any"),
    ] = 0.0
    search_from: Annotated[
        Seconds,
        Meta(description="A shorter recording is not searched for speech, in seconds"),
    ] = 0.0
    guards: Annotated[Guards, Meta(description="Limits for noisy audio")] = Guards()


class Started(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    """A worker took the version: from now on it is the only writer."""

    worker: Annotated[str, Meta(description="Which worker")]
    attempt: Annotated[int, Meta(ge=1, description="1 for the first")]
    plan: Annotated[Plan, Meta(description="The same in every `started` of a version")]


class Segment(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="segment"):
    """A piece of recognised speech."""

    index: Annotated[int, Meta(ge=0, description="Counts the version's segments from 0")]
    chunk: Annotated[int, Meta(ge=0, description="The chunk that it was decoded with")]
    start: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    end: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    text: Annotated[str, Meta(description="What was said")]
    confidence: Annotated[Confidence, Meta(description="Mean token probability, 0 to 1")]
    words: Annotated[list[Word], Meta(description="If asked for")] = []
    no_speech: Annotated[Confidence | None, NO_SPEECH] = None


class Completed(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="completed"):
    """The transcript is in the store."""

    transcript: Annotated[str, Meta(description="Key of the transcript in the store")]
    segments: Annotated[int, Meta(ge=0, description="How many segments it has")]
    duration: Annotated[Seconds, Meta(description="Seconds of audio")]
    language: Annotated[str | None, Meta(description="ISO 639-1 code; null without speech")]
    model: Annotated[str, Meta(description="Model name")]
    processing: Annotated[Seconds, Meta(description="Seconds of work of the last attempt")]


class Failed(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """No transcript will come of this version: its job, or recording, is in the dead letters."""

    code: Annotated[str, Meta(description="A stable word for programs; see `shared.errors`")]
    reason: Annotated[str, Meta(description="A sentence for people")]


class Corrected(EventBase, frozen=True, kw_only=True, omit_defaults=True, tag="corrected"):
    """Somebody corrected a version by hand: this one is the result, and it is in the store."""

    base: Annotated[int, Meta(ge=1, description="Version that was corrected")]
    by: Annotated[str, Meta(description="Who corrected, in their own words")] = ""
    transcript: Annotated[str, Meta(description="Key of the transcript in the store")]
    segments: Annotated[int, Meta(ge=0, description="How many segments it has")]


class Refused(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="refused"
):
    """A message to SUBMIT was refused: it is in the dead letters, and no recording came of it."""

    submission: Annotated[
        str, Meta(description="Id of the refusal, in the subject's place of the recording's")
    ]
    sequence: Annotated[
        int, Meta(description="The message's sequence in SUBMIT, as its publisher was told")
    ]
    source: Annotated[str, Meta(description="As submitted; the subject's token if that was wrong")]
    channel: Annotated[str, Meta(description="As submitted; the subject's token if that was wrong")]
    time: Annotated[datetime, Meta(description="When it was refused")]
    code: Annotated[str, Meta(description="A stable word for programs; see `shared.errors`")]
    reason: Annotated[str, Meta(description="A sentence for people")]
    field: Annotated[str | None, Meta(description="The field that is wrong, if it is one")] = None
    metadata: Annotated[Metadata, Meta(description="As submitted, if that could be read")] = {}
    correlation_id: Annotated[
        str | None, Meta(description="As submitted, if that could be read")
    ] = None


class Deleted(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="deleted"
):
    """A recording, or only its audio, was deleted; of no version, and nothing of what it held."""

    recording: Annotated[str, Meta(description="Recording id")]
    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    time: Annotated[datetime, Meta(description="When it was deleted")]
    what: Annotated[Literal["audio", "all"], Meta(description="`audio`: its transcripts are kept")]
    reason: Annotated[
        Literal["request", "age", "size"],
        Meta(description="Somebody asked for it, or it was too old, or too much was kept"),
    ]


Event = Queued | Started | Segment | Completed | Failed | Corrected
EVENT_TYPES: tuple[str, ...] = (
    "queued",
    "started",
    "segment",
    "completed",
    "failed",
    "corrected",
)
"""Of a version's events."""
ALL_TYPES = (*EVENT_TYPES, "refused", "deleted")
"""Of everything that the stream EVENTS holds."""


class TranscriptSegment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A segment as the transcript keeps it."""

    index: Annotated[int, Meta(ge=0, description="Counts from 0")]
    start: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    end: Annotated[Seconds, Meta(description="Seconds from the recording's beginning")]
    text: Annotated[str, Meta(description="What was said")]
    confidence: Annotated[Confidence, Meta(description="Mean token probability, 0 to 1")]
    words: Annotated[list[Word], Meta(description="If asked for")] = []
    no_speech: Annotated[Confidence | None, NO_SPEECH] = None


class Transcript(Struct, frozen=True, kw_only=True):
    """One version's transcript, as `transcript.json` keeps it."""

    recording: Annotated[str, Meta(description="Recording id")]
    version: Annotated[int, Meta(ge=1, description="Version number")]
    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    duration: Annotated[Seconds, Meta(description="Seconds of audio")]
    language: Annotated[str | None, Meta(description="ISO 639-1 code; null without speech")]
    model: Annotated[str, Meta(description="Model name")]
    created: Annotated[datetime, Meta(description="When it was written")]
    text: Annotated[str, Meta(description="All segments' text, joined by a space")]
    segments: Annotated[list[TranscriptSegment], Meta(description="In order")]


def encode(message: Struct) -> bytes:
    """The JSON of a message."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[M]) -> M:
    """The message that the JSON holds.

    Raises BadMessage, naming the field, if it does not fit.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"does not decode as {kind}: {error}") from error


def decode_event(data: bytes) -> Event:
    """The event that the JSON holds, of the type that its `type` field names.

    Raises BadMessage if it does not fit.
    """
    try:
        return _EVENT_DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"does not decode as an event: {error}") from error


_EVENT_DECODER = msgspec.json.Decoder(Event)
