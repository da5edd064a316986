"""Takes an upload in: body to disk, fields and audio checked, then accepted into the spool."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from opentelemetry import propagate

from services.ingest.acceptance import lane_of, metadata_of
from services.ingest.body import (
    all_fields,
    check_length,
    chunks,
    is_form,
    receive_form,
    receive_raw,
)
from services.ingest.entry import Entry, Held
from services.ingest.incoming import Incoming
from services.ingest.spool import Spool
from services.ingest.submission import Description, read_fields
from shared import object_keys
from shared.asgi import Receive
from shared.channels import ChannelRecord, Lookup, nothing_known
from shared.containers import FORMATS
from shared.errors import Forbidden
from shared.identity import recording_id
from shared.keys import OPEN, Credential, allowed
from shared.media import MediaInfo, probe
from shared.messages import Recording

_PROBES = 4
"""Files that are examined at a time: they share the machine with everything else."""


class Upload(NamedTuple):
    """A request that brings a recording."""

    headers: Mapping[str, str]
    """By lower-case names."""
    query: Sequence[tuple[str, str]]
    receive: Receive
    credential: Credential = OPEN
    """What the caller has proved."""


class Examined(NamedTuple):
    """What an audio file turned out to be."""

    sha256: str
    """In hex."""
    info: MediaInfo


@dataclass
class Reception:
    """What uploads go through."""

    spool: Spool
    max_bytes: int
    """Largest audio file that is accepted."""
    max_duration: float
    """Longest recording that is accepted, in seconds."""
    channels: Lookup = nothing_known
    """What is known of a channel at the moment."""
    formats: Collection[str] = FORMATS
    """Those that are accepted; see `shared.containers`."""

    def __post_init__(self) -> None:
        self._probing = asyncio.Semaphore(_PROBES)

    async def take(self, upload: Upload) -> tuple[Held, bool]:
        """Accept an upload, durably; False beside what is there if the spool holds it already.

        Raises BadInput, which names what is wrong with it (Forbidden, if the key does not reach its
        channel), or Full. Then nothing is left of it.
        """
        content_type = upload.headers.get("content-type", "")
        form = is_form(content_type)
        # What can be wrong before the body comes is said before the body comes.
        said = read_fields(all_fields(upload.query, None))
        if not form:
            check_channel(upload.credential, said.source, said.channel)
        check_length(upload.headers, self.max_bytes)
        body = chunks(upload.receive)
        async with self.spool.receive() as audio:
            await audio.reserve(announced(upload.headers, self.max_bytes))
            if form:
                filled = await receive_form(body, content_type, audio, self.max_bytes)
            else:
                filled = None
                await receive_raw(body, audio, self.max_bytes)
            said = read_fields(all_fields(upload.query, filled))
            check_channel(upload.credential, said.source, said.channel)
            return await self.accept(audio, said)

    async def accept(
        self, audio: Incoming, said: Description, published: datetime | None = None
    ) -> tuple[Held, bool]:
        """Accept what has come, durably, whichever way; as `take`.

        `published`: when the message that brings it was published, if one does.
        """
        return await self.keep(audio, await self.examine(audio), said, published)

    async def examine(self, audio: Incoming) -> Examined:
        """What has come, and is on the disk then. Raises NotAudio, TooLarge, Full."""
        sha256 = await audio.finish()
        async with self._probing:
            info = await asyncio.to_thread(probe, audio.path, self.max_duration, self.formats)
        return Examined(sha256, info)

    async def keep(
        self,
        audio: Incoming,
        examined: Examined,
        said: Description,
        published: datetime | None = None,
    ) -> tuple[Held, bool]:
        """Accept what was examined, durably; as `accept`. Raises Full."""
        channel = self.channels(said.source, said.channel)
        entry = _entry(said, examined.sha256, audio.size, examined.info, channel)
        return await self.spool.keep(audio, msgspec.structs.replace(entry, published=published))


def check_channel(credential: Credential, source: str, channel: str) -> None:
    """Raises Forbidden unless the credential reaches the channel."""
    if not allowed(credential, source, channel):
        raise Forbidden(
            f"The key does not reach the channel {channel!r} of {source!r}.", field="channel"
        )


def announced(headers: Mapping[str, str], most: int) -> int:
    """The bytes that a body says it has, `most` at most; 0 if it does not say."""
    length = headers.get("content-length", "")
    return min(int(length), most) if length.isdecimal() else 0


def _entry(
    said: Description, sha256: str, size: int, info: MediaInfo, channel: ChannelRecord | None
) -> Entry:
    start = said.start
    id = recording_id(said.source, said.channel, start, sha256)
    trace: dict[str, str] = {}
    propagate.inject(trace)
    return Entry(
        recording=Recording(
            id=id,
            source=said.source,
            channel=said.channel,
            sha256=sha256,
            size=size,
            audio=object_keys.audio(id, info.extension),
            container=info.container,
            codec=info.codec,
            duration=info.duration,
            received=datetime.now(UTC),
            start=start,
            filename=said.filename,
            metadata=metadata_of(said.metadata, channel),
            correlation_id=said.correlation_id,
        ),
        lane=lane_of(said.lane, channel),
        options=said.options,
        correlation_id=said.correlation_id,
        content_type=info.content_type,
        trace=trace,
    )
