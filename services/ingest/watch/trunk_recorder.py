"""What trunk-recorder says of a call: the JSON beside its audio; else the name of its files.

    <talkgroup>-<seconds since 1970>[.<milliseconds>]_<Hz>[.<slot>][-call_<n>].wav

which is what its users may change, so a JSON counts whatever the name is.

A call that is marked as encrypted is taken, as its upload is: trunk-recorder writes no audio of one
that was encrypted throughout, so what there is was spoken in clear. `more.encrypted` tells of it.
"""

import re
from dataclasses import replace

from services.ingest.radio import trunk_recorder_meta, values
from services.ingest.radio.call import Call
from shared.messages import Metadata

MOST = 1024**2
"""Bytes of a JSON that are read."""
_NAME = re.compile(
    r"(?P<talkgroup>[0-9]{1,10})-(?P<start>[0-9]{9,10})(\.[0-9]{1,6})?"
    r"_(?P<frequency>[0-9]{6,11})(\.[0-9]+)?(\.[0-9])?(-call_[0-9]+)?\Z"
)
UNKNOWN = "0"
"""The talkgroup of a call that has none, as its upload to OpenMHz has it."""


def is_name(stem: str) -> bool:
    """Whether a file is named as trunk-recorder names them."""
    return _NAME.match(stem) is not None


def read(stem: str, meta: bytes | None) -> Call | None:
    """The call of a file's stem and its JSON; None if they are another program's.

    Its source is empty if neither names the system.
    """
    named = _of_name(stem)
    said = trunk_recorder_meta.read(values.decode(meta)) if meta is not None else None
    if said is None or not (said.channel or said.start):
        # Tags are not escaped in the JSON, so that it may not be any.
        return named
    call = said.over(named) if named else said
    # Its uploads count in seconds, and are to be the same recording.
    start = call.start and call.start.replace(microsecond=0)
    return replace(call, start=start, channel=call.channel or UNKNOWN)


def _of_name(stem: str) -> Call | None:
    found = _NAME.match(stem)
    if found is None:
        return None
    talkgroup = values.whole(found["talkgroup"])
    frequency = values.whole(found["frequency"])
    metadata: Metadata = {"talkgroup": talkgroup} if talkgroup else {}
    if frequency:
        metadata["frequency"] = frequency
    return Call(
        channel=str(talkgroup or UNKNOWN),
        start=values.instant(found["start"]),
        metadata=metadata,
    )
