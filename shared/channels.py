"""What a site says of its channels: their names, and how their recordings are treated.

    bucket echobase-channels    <token of the source>.<token of the channel>    a ChannelRecord

Only ingest and the command write there; every service keeps a copy (`shared.channel_book`).
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from shared.errors import BadMessage
from shared.guards import Share
from shared.keeping import Rule
from shared.messages import Metadata
from shared.subjects import Lane, token

THRESHOLDS = ("speech_threshold", "least_confidence")
"""Of a channel's settings, those that are `shared.guards`."""


class ChannelSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be said of a channel; what is absent is as everywhere."""

    label: Annotated[str | None, Meta(description="Short name")] = None
    description: Annotated[str | None, Meta(description="Long name")] = None
    tag: Annotated[str | None, Meta(description="What it serves")] = None
    group: Annotated[str | None, Meta(description="What it belongs to")] = None
    language: Annotated[str | None, Meta(description="ISO 639-1 code of what is spoken")] = None
    prompt: Annotated[str | None, Meta(description="Text that sets spelling and style")] = None
    hotwords: Annotated[
        list[str], Meta(description="Words to expect, such as names of units and streets")
    ] = []
    lane: Annotated[Lane | None, Meta(description="Lane of its recordings")] = None
    speech_threshold: Annotated[
        Share | None, Meta(description="Probability from which a moment counts as speech")
    ] = None
    least_confidence: Annotated[
        Share | None, Meta(description="A window whose text has less confidence gives none")
    ] = None
    keep_audio: Annotated[
        str | None, Meta(description="Age at which audio is deleted, such as `30d` or `forever`")
    ] = None
    keep_transcripts: Annotated[
        str | None, Meta(description="Age at which recordings are deleted, transcripts and all")
    ] = None


class ChannelRecord(ChannelSettings, frozen=True, kw_only=True, tag_field="type", tag="channel"):
    """A channel, as the bucket keeps it. Its tag tells it from all else that NATS may put there."""

    source: Annotated[str, Meta(description="Who records it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]

    @property
    def key(self) -> str:
        """Its place in the bucket."""
        return key(self.source, self.channel)

    @property
    def metadata(self) -> Metadata:
        """Its names, as recorders give them with a call (`services.ingest.radio.call`)."""
        names = {
            "talkgroup_label": self.label,
            "talkgroup_name": self.description,
            "talkgroup_tag": self.tag,
            "talkgroup_group": self.group,
        }
        return {name: value for name, value in names.items() if value}

    @property
    def rule(self) -> Rule:
        """How long its recordings are kept."""
        return Rule(audio=self.keep_audio, transcripts=self.keep_transcripts)

    @property
    def expected(self) -> str | None:
        """Its hotwords, as `shared.messages.Options` has them; None if there are none."""
        return ", ".join(self.hotwords) or None


class _Tagged(Struct):
    """The tag must be there: of what is no union, msgspec does not ask for it."""

    type: Literal["channel"]


Lookup = Callable[[str, str], ChannelRecord | None]
"""What is known of a channel, by the real names of its source and itself; None for nothing."""


def nothing_known(_source: str, _channel: str) -> None:
    """The Lookup of who knows no channel."""


def key(source: str, channel: str) -> str:
    """A channel's place in the bucket, by the real names."""
    return f"{token(source)}.{token(channel)}"


def decode_channel(name: str, data: bytes) -> ChannelRecord:
    """What the bucket holds by a name. Raises BadMessage if that is no such channel."""
    try:
        msgspec.json.decode(data, type=_Tagged)
        record = msgspec.json.decode(data, type=ChannelRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"does not decode as a channel: {error}") from error
    if record.key != name:
        raise BadMessage(f"the channel {record.key} does not belong there")
    return record
