"""A call that was heard: its audio, its transcript with every word's time, and its events."""

import io
import math
import wave
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime

from shared import messages, object_keys
from shared.bus import Bus
from shared.messages import Metadata, Transcript, TranscriptSegment, Word
from shared.object_store import ObjectStore
from tests.support.calls import Call

Line = tuple[str, float]
"""What was said, and how sure the model was; of a word behind a `~` it was not."""
_UNSURE = 0.42
_WORD = 0.4
"""Seconds of a word."""
_PAUSE = 0.6
"""Seconds between two lines."""
_RATE = 16_000


def segments(lines: Sequence[Line]) -> list[TranscriptSegment]:
    """The lines one after the other, each word with its time."""
    found: list[TranscriptSegment] = []
    start = 0.0
    for index, (marked, confidence) in enumerate(lines):
        text = marked.replace("~", "")
        words = [
            Word(
                start=round(start + at * _WORD, 2),
                end=round(start + (at + 1) * _WORD, 2),
                text=word.removeprefix("~"),
                confidence=_UNSURE if word.startswith("~") else confidence,
            )
            for at, word in enumerate(marked.split())
        ]
        end = words[-1].end
        found.append(
            TranscriptSegment(
                index=index,
                start=round(start, 2),
                end=end,
                text=text,
                confidence=confidence,
                words=words,
            )
        )
        start = end + _PAUSE
    return found


def audio(said: Sequence[TranscriptSegment]) -> bytes:
    """A wav file with a tone wherever a word is, and some words louder than others."""
    samples = array("h", bytes(2 * int((said[-1].end + _PAUSE) * _RATE)))
    for word in (word for segment in said for word in segment.words):
        first, last = int(word.start * _RATE), int((word.end - 0.05) * _RATE)
        syllables = max(1, len(word.text) // 3)
        most = 5_000 + 1_000 * (sum(word.text.encode()) % 13)
        for at in range(first, last):
            loud = abs(math.sin(syllables * math.pi * (at - first) / (last - first)))
            samples[at] = int(most * loud * math.sin(at * 0.12))
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
    return made.getvalue()


async def heard(
    bus: Bus,
    store: ObjectStore,
    source: str,
    channel: str,
    *lines: Line,
    metadata: Metadata | None = None,
    at: datetime | None = None,
) -> Call:
    """A call that is stored, transcribed and told of."""
    said = segments(lines)
    sound = audio(said)
    call = Call(bus, source, channel, duration=said[-1].end + _PAUSE, metadata=metadata, at=at)
    await call.store_recording(store, sound)
    await call.store_request(store)
    transcript = Transcript(
        recording=call.recording,
        version=1,
        source=source,
        channel=channel,
        duration=call.duration,
        language="en",
        model="demo",
        created=datetime.now(UTC),
        text=" ".join(segment.text for segment in said),
        segments=said,
    )
    await store.put(object_keys.transcript(call.recording, 1), messages.encode(transcript))
    await call.queued()
    await call.started()
    for segment in said:
        await call.segment(segment.text, segment.confidence, segment.words)
    await call.completed()
    return call
