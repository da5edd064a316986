"""What an accepted recording gets from its channel. Pure.

It is frozen when the recording is accepted: a channel that is changed later changes no recording.
Options are not among it: they stay as asked for, which tells versions apart, and the transcriber
looks them up when it starts a version.
"""

from shared.channels import ChannelRecord
from shared.messages import Metadata
from shared.subjects import Lane


def lane_of(asked: Lane | None, channel: ChannelRecord | None) -> Lane:
    """What the sender asked for, else the channel's, else `live`."""
    return asked or (channel and channel.lane) or "live"


def metadata_of(said: Metadata, channel: ChannelRecord | None) -> Metadata:
    """What the sender said, and the channel's names where it said nothing."""
    if channel is None:
        return said
    known = {name for name, value in said.items() if value not in (None, "")}
    names = {name: value for name, value in channel.metadata.items() if name not in known}
    return {**said, **names}
