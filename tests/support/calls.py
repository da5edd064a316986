"""A version's events, published as the services publish them."""

import io
import wave
from datetime import UTC, datetime
from uuid import uuid4

from shared import messages, object_keys
from shared.bus import Bus
from shared.messages import (
    Completed,
    Failed,
    Options,
    Plan,
    Queued,
    Recording,
    Segment,
    Started,
    Transcript,
    TranscriptSegment,
    VersionRequest,
    Word,
)
from shared.object_store import ObjectStore
from shared.subjects import Lane
from shared.writer import VersionWriter

PLAN = Plan(
    model="demo",
    options=Options(),
    longest_chunk=8.0,
    join_pauses=False,
    shortest_pause=0.3,
    padding=0.15,
    window_margin=0.4,
    beam_size=1,
)


class Call:
    """One version of one recording: each method publishes, or stores, one thing."""

    def __init__(
        self,
        bus: Bus,
        source: str = "upload",
        channel: str = "default",
        *,
        recording: str | None = None,
        version: int = 1,
        duration: float = 4.2,
        lane: Lane = "live",
        metadata: messages.Metadata | None = None,
        at: datetime | None = None,
    ) -> None:
        """A new recording, unless one is named; `at`: when all of it happens, instead of now."""
        self.recording = recording or uuid4().hex
        self.version = version
        self.source = source
        self.channel = channel
        self.duration = duration
        self.lane: Lane = lane
        self.metadata = metadata or {}
        self.at = at
        self.texts: list[str] = []
        self.writer = VersionWriter(bus, source, channel, self.recording, version, patience=20.0)

    @property
    def now(self) -> datetime:
        """When something happens to it."""
        return self.at or datetime.now(UTC)

    async def whole(self, *texts: str) -> list[int]:
        """All of a call that went well; the sequences of its events."""
        return [
            await self.queued(),
            await self.started(),
            *[await self.segment(text) for text in texts],
            await self.completed(),
        ]

    async def queued(self) -> int:
        """Publish `queued`; the event's sequence, here and below."""
        return await self.writer.publish(
            Queued(
                recording=self.recording,
                version=self.version,
                source=self.source,
                channel=self.channel,
                time=self.now,
                metadata=self.metadata,
                lane=self.lane,
                duration=self.duration,
                options=Options(),
            )
        )

    async def started(self) -> int:
        """Publish `started`."""
        return await self.writer.publish(
            Started(
                recording=self.recording,
                version=self.version,
                source=self.source,
                channel=self.channel,
                time=self.now,
                metadata=self.metadata,
                worker="test",
                attempt=1,
                plan=PLAN,
            )
        )

    async def segment(
        self, text: str, confidence: float = 0.9, words: list[Word] | None = None
    ) -> int:
        """Publish the next `segment`, of two seconds."""
        index = len(self.texts)
        self.texts.append(text)
        return await self.writer.publish(
            Segment(
                recording=self.recording,
                version=self.version,
                source=self.source,
                channel=self.channel,
                time=self.now,
                metadata=self.metadata,
                index=index,
                chunk=index,
                start=index * 2.0,
                end=index * 2.0 + 1.5,
                text=text,
                confidence=confidence,
                words=words or [],
            )
        )

    async def completed(self) -> int:
        """Publish `completed`."""
        return await self.writer.publish(
            Completed(
                recording=self.recording,
                version=self.version,
                source=self.source,
                channel=self.channel,
                time=self.now,
                metadata=self.metadata,
                transcript=object_keys.transcript(self.recording, self.version),
                segments=len(self.texts),
                duration=self.duration,
                language="en",
                model="demo",
                processing=0.5,
            )
        )

    async def failed(self, reason: str) -> int:
        """Publish `failed`."""
        return await self.writer.publish(
            Failed(
                recording=self.recording,
                version=self.version,
                source=self.source,
                channel=self.channel,
                time=self.now,
                metadata=self.metadata,
                code="object-missing",
                reason=reason,
            )
        )

    async def store_recording(self, store: ObjectStore, audio: bytes = b"RIFF....") -> Recording:
        """Store the audio and `recording.json`."""
        found = Recording(
            id=self.recording,
            source=self.source,
            channel=self.channel,
            sha256="0" * 64,
            size=len(audio),
            audio=object_keys.audio(self.recording, "wav"),
            container="wav",
            codec="pcm_s16le",
            duration=self.duration,
            received=self.now,
            metadata=self.metadata,
        )
        await store.put(found.audio, audio, content_type="audio/wav")
        await store.put(object_keys.record(self.recording), messages.encode(found))
        return found

    async def store_request(
        self, store: ObjectStore, options: Options | None = None
    ) -> VersionRequest:
        """Store `request.json`."""
        request = VersionRequest(
            recording=self.recording,
            version=self.version,
            lane="live",
            options=options or Options(),
            requested=datetime.now(UTC),
        )
        key = object_keys.request(self.recording, self.version)
        await store.put(key, messages.encode(request))
        return request

    async def store_transcript(self, store: ObjectStore, *texts: str) -> Transcript:
        """Store `transcript.json`, with a segment of two seconds for each text."""
        transcript = Transcript(
            recording=self.recording,
            version=self.version,
            source=self.source,
            channel=self.channel,
            duration=self.duration,
            language="en",
            model="demo",
            created=datetime.now(UTC),
            text=" ".join(texts),
            segments=[
                TranscriptSegment(
                    index=index,
                    start=index * 2.0,
                    end=index * 2.0 + 1.5,
                    text=text,
                    confidence=0.9,
                )
                for index, text in enumerate(texts)
            ],
        )
        key = object_keys.transcript(self.recording, self.version)
        await store.put(key, messages.encode(transcript))
        return transcript


def silence(seconds: float) -> bytes:
    """A wav file that holds none but quiet."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(seconds * 16_000) * 2))
    return made.getvalue()
