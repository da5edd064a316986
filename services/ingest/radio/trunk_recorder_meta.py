"""What trunk-recorder writes of a call: the JSON beside its audio, and of its own upload."""

from collections.abc import Callable, Mapping
from typing import cast

from services.ingest.radio import values
from services.ingest.radio.call import MORE, Call
from shared.messages import Metadata

Read = Callable[[object], object]


def _as_text(value: object) -> str:
    return "" if value is None or isinstance(value, list | dict) else str(value)


def _of_text(read: Callable[[str], object]) -> Read:
    # Older versions write numbers as texts.
    return lambda value: read(_as_text(value))


_FIELDS: Mapping[str, tuple[str, Read]] = {
    "talkgroup": ("talkgroup", _of_text(values.whole)),
    "talkgroup_tag": ("talkgroup_label", _of_text(values.text)),
    "talkgroup_description": ("talkgroup_name", _of_text(values.text)),
    "talkgroup_group": ("talkgroup_group", _of_text(values.text)),
    "talkgroup_group_tag": ("talkgroup_tag", _of_text(values.text)),
    "short_name": ("system_label", _of_text(values.text)),
    "freq": ("frequency", _of_text(values.rounded)),
    "freqList": ("frequencies", values.rows),
    "srcList": ("sources", values.rows),
    "patched_talkgroups": ("patches", values.numbers),
    "emergency": ("emergency", _of_text(values.flag)),
    "audio_type": ("audio_type", _of_text(values.text)),
    "call_length": ("length", _of_text(values.seconds)),
}
_START, _START_MS = "start_time", "start_time_ms"


def read(text: str) -> Call | None:
    """The call that the JSON tells of: its source is the system's short name; None for no JSON."""
    meta = values.json(text)
    if not isinstance(meta, dict):
        return None
    metadata: Metadata = {}
    more: dict[str, object] = {}
    for name, value in cast(Mapping[str, object], meta).items():
        known = _FIELDS.get(name)
        found = known[1](value) if known else None
        if known and found is not None:
            metadata[known[0]] = found
        elif name not in (_START, _START_MS) and value not in (None, "", "-", []):
            more[name] = value
    moments = cast(Mapping[str, object], meta)
    start = values.instant_in_ms(_as_text(moments.get(_START_MS)))
    return Call(
        source=str(metadata.get("system_label", "")),
        channel=str(metadata.get("talkgroup", "")),
        start=start or values.instant(_as_text(moments.get(_START))),
        metadata={**metadata, **({MORE: more} if more else {})},
    )
