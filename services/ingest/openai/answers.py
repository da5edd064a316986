"""A transcript as OpenAI's API gives it: five formats, and the events of a stream. Pure."""

import math
import zlib
from typing import Annotated, Literal

import msgspec
from litestar.enums import MediaType
from msgspec import UNSET, Meta, Struct, UnsetType

from services.ingest.openai.asked import Asked
from services.ingest.openai.errors import ErrorAnswer
from services.ingest.openai.languages import name_of
from shared import subtitles
from shared.messages import Segment, Transcript, TranscriptSegment

_FRAMES_PER_SECOND = 100
_LEAST = 1e-300
"""The logarithm of a confidence of 0 would be no number of JSON's."""


class Text(Struct, frozen=True, kw_only=True):
    """The `json` format."""

    text: Annotated[str, Meta(description="What was said")]


class SegmentView(Struct, frozen=True, kw_only=True):
    """A segment of `verbose_json`."""

    id: Annotated[int, Meta(description="Counts from 0")]
    seek: Annotated[int, Meta(description="The segment's beginning in frames of 10 ms")]
    start: Annotated[float, Meta(description="Seconds from the recording's beginning")]
    end: Annotated[float, Meta(description="Seconds from the recording's beginning")]
    text: Annotated[str, Meta(description="What was said")]
    tokens: Annotated[list[int], Meta(description="Always empty: tokens are not kept")]
    temperature: Annotated[float, Meta(description="Always 0: nothing is sampled")]
    avg_logprob: Annotated[
        float, Meta(description="Mean log probability of the tokens: the confidence's logarithm")
    ]
    compression_ratio: Annotated[
        float, Meta(description="Bytes of the text by those that zlib makes of it")
    ]
    no_speech_prob: Annotated[
        float | None,
        Meta(description="Probability of no speech; null in transcripts of older releases"),
    ]


class WordView(Struct, frozen=True, kw_only=True):
    """A word of `verbose_json`."""

    word: Annotated[str, Meta(description="The word")]
    start: Annotated[float, Meta(description="Seconds from the recording's beginning")]
    end: Annotated[float, Meta(description="Seconds from the recording's beginning")]


class VerboseText(Struct, frozen=True, kw_only=True):
    """The `verbose_json` format."""

    task: Annotated[Literal["transcribe", "translate"], Meta(description="What was asked for")]
    language: Annotated[str, Meta(description="The language's name; `unknown` without speech")]
    duration: Annotated[float, Meta(description="Seconds of audio")]
    text: Annotated[str, Meta(description="What was said")]
    segments: Annotated[list[SegmentView] | UnsetType, Meta(description="By default")] = UNSET
    words: Annotated[
        list[WordView] | UnsetType,
        Meta(description="With the timestamp granularity `word`"),
    ] = UNSET


class Delta(Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.delta"):
    """Some more words. All deltas together are the text of `Done`."""

    delta: str


class Done(Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.done"):
    """The end of a stream."""

    text: str
    """All of it."""


def body(asked: Asked, transcript: Transcript) -> tuple[bytes, str]:
    """The answer's body and its media type."""
    match asked.form:
        case "json":
            return msgspec.json.encode(Text(text=transcript.text)), MediaType.JSON
        case "verbose_json":
            return msgspec.json.encode(verbose(asked, transcript)), MediaType.JSON
        case "text":
            return f"{transcript.text}\n".encode(), MediaType.TEXT
        case "srt":
            return subtitles.srt(transcript).encode(), "application/x-subrip; charset=utf-8"
        case "vtt":
            return subtitles.vtt(transcript).encode(), "text/vtt; charset=utf-8"


def verbose(asked: Asked, transcript: Transcript) -> VerboseText:
    """The `verbose_json` format."""
    task = asked.said.options.task
    words = [
        WordView(word=word.text, start=word.start, end=word.end)
        for segment in transcript.segments
        for word in segment.words
    ]
    return VerboseText(
        task=task,
        # A translation is into English, whatever was spoken.
        language="english" if task == "translate" else name_of(transcript.language),
        duration=transcript.duration,
        text=transcript.text,
        segments=[_segment(each) for each in transcript.segments] if asked.segments else UNSET,
        words=words if asked.words else UNSET,
    )


def delta(segment: Segment | TranscriptSegment) -> Delta:
    """What a segment adds to the text, in which a space stands between segments."""
    return Delta(delta=f" {segment.text}" if segment.index else segment.text)


def line(event: Delta | Done | ErrorAnswer) -> bytes:
    """An event as it is sent."""
    return b"data: " + msgspec.json.encode(event) + b"\n\n"


def _segment(segment: TranscriptSegment) -> SegmentView:
    text = segment.text.encode()
    return SegmentView(
        id=segment.index,
        seek=round(segment.start * _FRAMES_PER_SECOND),
        start=segment.start,
        end=segment.end,
        text=segment.text,
        tokens=[],
        temperature=0.0,
        avg_logprob=math.log(max(segment.confidence, _LEAST)),
        compression_ratio=len(text) / len(zlib.compress(text)),
        no_speech_prob=segment.no_speech,
    )
