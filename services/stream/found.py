"""What a list of recordings holds: each with its words, and how sure they are."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.messages import Recording

Status = Literal["queued", "started", "completed", "failed"]
STATUSES: tuple[Status, ...] = ("queued", "started", "completed", "failed")

LONGEST_TEXT = 2_000
"""Characters of a recording's text in a list."""


class TextPart(Struct, frozen=True, kw_only=True):
    """A piece of a text; the pieces together, as they are, make the text."""

    text: Annotated[str, Meta(description="As it was said, without markup: escape it yourself")]
    match: Annotated[bool, Meta(description="Whether it is what was searched for")]


class FoundRecording(Recording, frozen=True, kw_only=True, omit_defaults=True):
    """A recording, with what is known of its transcript.

    Of several versions it is the newest correction's, else the newest one's that is completed,
    else that of the newest version.
    """

    status: Annotated[Status, Meta(description="How far its version is")]
    version: Annotated[
        int | None, Meta(description="The version that is shown; null if none was asked for yet")
    ]
    versions: Annotated[int, Meta(description="How many versions it has, corrections included")]
    corrected: Annotated[bool, Meta(description="Whether the version was made by hand")]
    confidence: Annotated[
        float | None,
        Meta(
            description="Mean confidence of its segments, weighted by their durations, 0 to 1; "
            "null without words"
        ),
    ]
    needs_review: Annotated[
        bool,
        Meta(
            description="Whether somebody should listen: completed by a model, with a confidence "
            "below `ECHOBASE_REVIEW_BELOW`"
        ),
    ]
    language: Annotated[str | None, Meta(description="ISO 639-1 code of the version")]
    model: Annotated[str | None, Meta(description="Model that made the version, or its base")]
    text: Annotated[
        str,
        Meta(
            description=f"What was said, its first {LONGEST_TEXT} characters; so far, if it is "
            "being transcribed"
        ),
    ]
    text_cut: Annotated[bool, Meta(description="Whether there is more text than that")]
    segments: Annotated[
        int, Meta(description="Segments so far: the next event `segment` has this `index`")
    ]
    snippet: Annotated[
        list[TextPart],
        Meta(description="Where the words were found, if there were any to search for"),
    ]
    audio_deleted: Annotated[
        datetime | None, Meta(description="When the audio was deleted; null if it was not")
    ]


class RecordingPage(Struct, frozen=True, kw_only=True):
    """Some of the recordings, the newest first."""

    recordings: Annotated[
        list[FoundRecording], Meta(description="By `start`, or `received` where that is not known")
    ]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null after the last")]
    last_event_id: Annotated[
        str | None,
        Meta(
            description="What of `GET /v1/events` this page holds: go on live with it as "
            "`last_event_id`, and nothing is missed and nothing comes twice. Null while the events "
            "have not been read yet"
        ),
    ]
