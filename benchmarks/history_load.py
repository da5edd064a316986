"""Radio calls, made up: their objects in a store, and what EVENTS said of them."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import object_keys
from shared.bus import Bus
from shared.envelope import event_message
from shared.memory_store import MemoryStore
from shared.messages import (
    Completed,
    Event,
    Options,
    Queued,
    Recording,
    Segment,
    Transcript,
    TranscriptSegment,
    VersionRequest,
    encode,
)
from shared.object_store import ObjectStore, StoredObject

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SPACING = timedelta(seconds=7)
SOURCES, CHANNELS = 5, 40
"""Sources, and channels of each."""
VOCABULARY = 8_000
AT_ONCE = 64


def vocabulary(seed: int = 1) -> list[str]:
    """Words that can be said, the most common first."""
    dice = random.Random(seed)
    begin = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "st", "fr")
    middle = ("a", "e", "i", "o", "u", "ea", "ou")
    end = ("n", "r", "s", "t", "l", "ck", "ng")
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        parts = dice.choices((1, 2, 3), (4, 3, 1))[0]
        syllables = (dice.choice(begin) + dice.choice(middle) for _ in range(parts))
        found["".join(syllables) + dice.choice(end)] = None
    return list(found)


class Shelf(MemoryStore):
    """A store in memory that finds a recording's objects without looking at all others."""

    def __init__(self) -> None:
        super().__init__()
        self._folders: dict[str, set[str]] = {}

    async def put(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Store an object, over any that is there."""
        await super().put(key, data, content_type=content_type)
        self._folders.setdefault(_folder(key), set()).add(key)

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object below a prefix, in the order of their keys."""
        if prefix != object_keys.RECORDINGS and prefix == _folder(prefix):
            for key in sorted(self._folders.get(prefix, ())):
                yield StoredObject(key, len(self.objects[key]))
            return
        async for item in super().list(prefix):
            yield item


def _folder(key: str) -> str:
    return "/".join(key.split("/")[:2]) + "/"


@dataclass(frozen=True)
class Call:
    """One recording with its transcript."""

    recording: Recording
    request: VersionRequest
    transcript: Transcript

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """What the store has of it, but for the audio."""
        id = self.recording.id
        yield object_keys.record(id), encode(self.recording)
        yield object_keys.request(id, 1), encode(self.request)
        yield object_keys.transcript(id, 1), encode(self.transcript)

    def events(self) -> Iterator[Event]:
        """What EVENTS said of it."""
        made, about = self.recording, self.transcript
        yield Queued(
            recording=made.id,
            version=1,
            source=made.source,
            channel=made.channel,
            time=made.received,
            lane="live",
            duration=made.duration,
            options=Options(),
        )
        for each in about.segments:
            yield Segment(
                recording=made.id,
                version=1,
                source=made.source,
                channel=made.channel,
                time=made.received,
                index=each.index,
                chunk=each.index,
                start=each.start,
                end=each.end,
                text=each.text,
                confidence=each.confidence,
            )
        yield Completed(
            recording=made.id,
            version=1,
            source=made.source,
            channel=made.channel,
            time=made.received,
            transcript=object_keys.transcript(made.id, 1),
            segments=len(about.segments),
            duration=made.duration,
            language="en",
            model="demo",
            processing=0.1,
        )


class Calls:
    """Any number of them, the same each time."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.count = count
        self.words = vocabulary(seed)
        self._weights = [1 / (rank + 2) for rank in range(VOCABULARY)]
        self._seed = seed

    def __iter__(self) -> Iterator[Call]:
        dice = random.Random(self._seed)
        for number in range(self.count):
            yield self._call(number, dice)

    def said(self, dice: random.Random, words: int) -> str:
        """So many words, each as often as it is common."""
        return " ".join(dice.choices(self.words, self._weights, k=words))

    def _call(self, number: int, dice: random.Random) -> Call:
        id = f"{dice.getrandbits(128):032x}"
        source = f"system-{dice.randrange(SOURCES)}"
        channel = f"talkgroup-{dice.randrange(CHANNELS)}"
        received = BEGIN + number * SPACING
        segments = [
            TranscriptSegment(
                index=at,
                start=at * 3.0,
                end=at * 3.0 + 2.5,
                text=self.said(dice, dice.randint(4, 20)),
                confidence=round(dice.betavariate(8, 2), 4),
            )
            for at in range(dice.randint(1, 3))
        ]
        duration = 3.0 * len(segments)
        recording = Recording(
            id=id,
            source=source,
            channel=channel,
            sha256="0" * 64,
            size=16_000 * int(duration),
            audio=object_keys.audio(id, "wav"),
            container="wav",
            codec="pcm_s16le",
            duration=duration,
            received=received,
        )
        request = VersionRequest(
            recording=id, version=1, lane="live", options=Options(), requested=received
        )
        transcript = Transcript(
            recording=id,
            version=1,
            source=source,
            channel=channel,
            duration=duration,
            language="en",
            model="demo",
            created=received,
            text=" ".join(each.text for each in segments),
            segments=segments,
        )
        return Call(recording, request, transcript)


async def store_all(store: ObjectStore, waiting: Iterator[Call]) -> None:
    """Put the objects of calls into a store."""

    async def work() -> None:
        for call in waiting:
            for key, data in call.objects():
                await store.put(key, data)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def happen(store: ObjectStore, bus: Bus, waiting: Iterator[Call]) -> int:
    """Have calls stored and told, as while a site is at work; returns how many events."""
    count = 0

    async def work() -> None:
        nonlocal count
        for call in waiting:
            for key, data in call.objects():
                await store.put(key, data)
            for event in call.events():
                await bus.publish(event_message(event))
                count += 1

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return count
