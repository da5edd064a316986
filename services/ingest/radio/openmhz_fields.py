"""The fields of OpenMHz' upload, which trunk-recorder and SDRTrunk send."""

from collections.abc import Mapping

from services.ingest.radio import fields, values
from services.ingest.radio.call import Call
from services.ingest.radio.fields import Field

KEY = "api_key"
AUDIO = "call"
START = "start_time"
UNKNOWN = "0"
"""The talkgroup of a call that names none, as SDRTrunk has it."""

FIELDS: Mapping[str, Field] = {
    "freq": Field("frequency", values.rounded, "Hz", "851012500"),
    "call_length": Field("length", values.seconds, "Seconds", "4"),
    "talkgroup_num": Field(
        "talkgroup", values.whole, "Its talkgroup; the recording's channel", "54241"
    ),
    "emergency": Field(
        "emergency", values.flag, "1: the call is transcribed before all others", "0"
    ),
    "source_list": Field(
        "sources",
        values.rows,
        "JSON: a list of objects with pos (seconds) and src (radio id)",
        '[{"pos": 0.00, "src": 1701}]',
    ),
    "patch_list": Field("patches", values.numbers, "A list of talkgroups", "[54241,54243]"),
    "error_count": Field("errors", values.rounded, "Errors of reception", "2"),
    "spike_count": Field("spikes", values.rounded, "Spikes of reception", "1"),
    "talker_alias": Field("talker_alias", values.text, "Name that the radio sent", "ENGINE 7"),
}


def read(short_name: str, form: Mapping[str, str], filename: str) -> Call:
    """The call of a form's fields; its source is the system's short name."""
    metadata = {"system_label": short_name, **fields.read(form, FIELDS, (KEY, START))}
    return Call(
        source=short_name,
        channel=str(metadata.get("talkgroup", UNKNOWN)),
        start=values.instant(form.get(START, "")),
        filename=filename,
        metadata=metadata,
    )
