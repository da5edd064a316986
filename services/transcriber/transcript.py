"""The transcript of a version, from its stored events."""

from collections.abc import Sequence
from datetime import datetime

from shared.messages import Job, Segment, Transcript, TranscriptSegment


def make_transcript(
    job: Job,
    segments: Sequence[Segment],
    *,
    model: str,
    language: str | None,
    duration: float,
    created: datetime,
) -> Transcript:
    """What `transcript.json` holds; `duration` in seconds of audio."""
    return Transcript(
        recording=job.recording,
        version=job.version,
        source=job.source,
        channel=job.channel,
        duration=duration,
        language=language,
        model=model,
        created=created,
        text=" ".join(segment.text for segment in segments),
        segments=[
            TranscriptSegment(
                index=segment.index,
                start=segment.start,
                end=segment.end,
                text=segment.text,
                confidence=segment.confidence,
                words=segment.words,
                no_speech=segment.no_speech,
            )
            for segment in segments
        ],
    )
