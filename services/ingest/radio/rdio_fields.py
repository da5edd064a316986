"""The fields of rdio-scanner's call upload, as its parser and its users' programs have them."""

from collections.abc import Mapping

from services.ingest.radio import fields, values
from services.ingest.radio.call import Call
from services.ingest.radio.fields import Field

KEY = "key"
AUDIO = "audio"
DATE_TIME, TIMESTAMP = "dateTime", "timestamp"
_FILENAME = ("audioName", "audioFilename")
_OTHERS = (KEY, "test", DATE_TIME, TIMESTAMP, *_FILENAME)


def _same(field: Field, *names: str) -> dict[str, Field]:
    return dict.fromkeys(names, field)


FIELDS: Mapping[str, Field] = {
    **_same(
        Field("system", values.whole, "The radio system; the recording's source", "11"),
        "system",
        "systemId",
    ),
    **_same(
        Field("talkgroup", values.whole, "Its talkgroup; the recording's channel", "54241"),
        "talkgroup",
        "talkgroupId",
    ),
    "systemLabel": Field("system_label", values.text, "Name of the system", "County"),
    "talkgroupLabel": Field("talkgroup_label", values.text, "Short name", "FD Disp"),
    "talkgroupName": Field("talkgroup_name", values.text, "Long name", "Fire Dispatch"),
    "talkgroupTag": Field("talkgroup_tag", values.text, "What it serves", "Fire Dispatch"),
    "talkgroupGroup": Field("talkgroup_group", values.text, "Its group", "Fire"),
    "talkgroupGroups": Field(
        "talkgroup_groups", values.words, "Its groups, with commas between", "Fire,Dispatch"
    ),
    **_same(Field("unit", values.whole, "Radio id of who spoke", "1701"), "source", "unit"),
    "talkerAlias": Field("talker_alias", values.text, "Name that the radio sent", "ENGINE 7"),
    "site": Field("site", values.whole_or_text, "Site of the system", "3"),
    "frequency": Field("frequency", values.rounded, "Hz", "851012500"),
    "frequencies": Field(
        "frequencies",
        values.rows,
        "JSON: a list of objects with freq, pos, len, errorCount, spikeCount, dbm",
        '[{"freq": 851012500, "pos": 0, "len": 3.2, "errorCount": 0, "spikeCount": 0}]',
    ),
    "sources": Field(
        "sources",
        values.rows,
        "JSON: a list of objects with pos (seconds), src (radio id), tag",
        '[{"pos": 0, "src": 1701}, {"pos": 1.5, "src": 1702}]',
    ),
    "units": Field(
        "units",
        values.rows,
        "JSON: a list of objects with id, label, offset (seconds)",
        '[{"id": 1701, "label": "Engine 7", "offset": 0}]',
    ),
    **_same(
        Field("patches", values.numbers, "JSON: a list of talkgroups", "[54241, 54243]"),
        "patches",
        "patched_talkgroups",
    ),
    "emergency": Field(
        "emergency", values.flag, "1: the call is transcribed before all others", "0"
    ),
    **_same(
        Field("audio_type", values.text, "Media type of the audio", "audio/mpeg"),
        "audioType",
        "audioMime",
    ),
}


def read(form: Mapping[str, str], filename: str = "") -> Call:
    """The call of a form's fields; `filename` is that of its audio."""
    metadata = fields.read(form, FIELDS, _OTHERS)
    start = values.instant(form.get(DATE_TIME, ""))
    start = values.instant_in_ms(form.get(TIMESTAMP, "")) or start
    named = (values.text(form.get(name, "")) for name in _FILENAME)
    return Call(
        source=str(metadata.get("system", "")),
        channel=str(metadata.get("talkgroup", "")),
        start=start,
        filename=next((name for name in named if name), filename),
        metadata=metadata,
    )


def missing(call: Call, audio: int) -> str | None:
    """What a call lacks, with so many bytes of audio: the last of rdio-scanner's checks to fail."""
    # A wav file's header has 44 bytes.
    found = ("audio", audio > 44), ("datetime", call.start), ("system", call.source)
    lacking = [name for name, there in (*found, ("talkgroup", call.channel)) if not there]
    return f"no {lacking[-1]}" if lacking else None
