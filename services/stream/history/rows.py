"""A recording and its versions as the history keeps them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.stream.found import Status
from shared.messages import Correction, Failed, Recording, Transcript, VersionRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHORTEST = 0.1
"""Seconds that a segment counts for at least."""
_KEY_BITS = 21
_LATEST_MS = (1 << 42) - 1
_CONTROLS = dict.fromkeys(range(32), " ")
KEYS_OF_A_MOMENT = 1 << _KEY_BITS


@dataclass(frozen=True)
class Version:
    """One version of a recording's transcript."""

    number: int
    status: Status = "queued"
    correction: Correction | None = None
    prompt: str | None = None
    """As it was asked for."""
    model: str | None = None
    language: str | None = None
    segments: int = 0
    confidence: float | None = None
    created: int | None = None
    """Microseconds since 1970."""
    code: str = ""
    reason: str = ""
    text: str = ""


@dataclass(frozen=True)
class Stored:
    """A recording as the store has it."""

    recording: Recording
    record: bytes
    """`recording.json`, as it is."""
    versions: Mapping[int, Version] = field(default_factory=dict[int, Version])
    audio_deleted: datetime | None = None


@dataclass(frozen=True)
class Summary:
    """What lists say of a recording's versions."""

    status: Status = "queued"
    version: int | None = None
    versions: int = 0
    corrected: bool = False
    confidence: float | None = None
    language: str | None = None
    model: str | None = None
    segments: int = 0
    text: str = ""


def version_row(
    number: int,
    request: VersionRequest | None,
    transcript: Transcript | None,
    failed: Failed | None = None,
) -> Version:
    """A version as the store has it; what came to pass since is in EVENTS."""
    correction = request.correction if request else None
    prompt = request.options.prompt if request else None
    if transcript is not None:
        return Version(
            number,
            "completed",
            correction,
            prompt,
            transcript.model,
            transcript.language,
            len(transcript.segments),
            confidence(transcript),
            microseconds(transcript.created),
            text=plain(transcript.text),
        )
    if failed is not None:
        return Version(number, "failed", correction, prompt, code=failed.code, reason=failed.reason)
    return Version(number, "queued", correction, prompt)


def confidence(transcript: Transcript) -> float | None:
    """The mean confidence of the segments, weighted by their durations; None without a word."""
    spoken = [each for each in transcript.segments if each.text.strip()]
    if not spoken:
        return None
    weights = [max(_SHORTEST, each.end - each.start) for each in spoken]
    total = sum(w * each.confidence for w, each in zip(weights, spoken, strict=True))
    return round(total / sum(weights), 6)


def shown(versions: Iterable[Version]) -> Version | None:
    """The version that is shown: a hand's work is not hidden by what a model makes later."""
    found = sorted(versions, key=lambda each: each.number)
    completed = [each for each in found if each.status == "completed"]
    corrected = [each for each in completed if each.correction is not None]
    return next(iter([*corrected[-1:], *completed[-1:], *found[-1:]]), None)


def summary(versions: Sequence[Version]) -> Summary:
    """What lists say of them."""
    best = shown(versions)
    if best is None:
        return Summary()
    return Summary(
        best.status,
        best.number,
        len(versions),
        best.correction is not None,
        best.confidence,
        best.language,
        best.model,
        best.segments,
        best.text,
    )


def plain(text: str) -> str:
    """A text on one line, without the characters that mark what was found."""
    return " ".join(text.translate(_CONTROLS).split())


def moment(recording: Recording) -> datetime:
    """When it was recorded, or received where that is not known."""
    return recording.start or recording.received


def microseconds(time: datetime) -> int:
    """Since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(since_1970: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return _EPOCH + since_1970 * _MICROSECOND


def first_key(time: int) -> int:
    """The lowest key of a recording of a time, in microseconds since 1970.

    Keys are in the order of time, so that the newest are found without sorting: 42 bits of
    milliseconds, and 21 that tell recordings of one millisecond apart.
    """
    return min(max(time // 1000, 0), _LATEST_MS) << _KEY_BITS


def wished_key(recording: Recording) -> int:
    """The key that a recording has unless another one has it; then it is one of the next."""
    own = int(recording.id[:8], 16) % KEYS_OF_A_MOMENT
    return first_key(microseconds(moment(recording))) + own
