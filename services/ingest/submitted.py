"""What another service submitted: a message to SUBMIT, checked as an upload's fields are. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from services.ingest.submission import FIELDS, FILE, Description, read_fields
from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput, BadMessage, EchoBaseError, TooLarge
from shared.messages import Metadata, Refused, Submission

INBOX = "inbox/"
"""Where in the store others put what they submit."""
KEY = 512
"""Bytes of an object's key."""
REASON = 500
"""Characters of what is said of a refusal."""

_KEY = (
    f"a key below {INBOX}, of at most {KEY} bytes, in Unicode's normal form C, with no empty part,"
    " no `.` or `..`, no backslash, percent sign or character that does not print"
)
_PLACE = re.compile(r"at `\$\.(?P<field>\w+)|unknown field `(?P<unknown>[^`]{1,128})`")
_TOLD = {"metadata": dict, "correlation_id": str}
"""What a refusal gives back, where it can be read."""


@dataclass(frozen=True)
class Submitted:
    """A message to SUBMIT that can be taken."""

    said: Description
    audio: bytes | None
    object: str | None
    """Key in the store, if the audio is not in the message itself."""


def read(message: StoredMessage, most: int) -> Submitted:
    """What a message submits; `most`: bytes of audio that it may hold itself.

    Raises BadMessage if it is no submission, BadInput or TooLarge, which name the field.
    """
    submission = _decode(message.data)
    tokens = dict(
        zip(("source", "channel"), subjects.parse_submission(message.subject), strict=True)
    )
    fields = tokens | _texts(submission)
    if submission.object is not None:
        check_key(submission.object)
        fields.setdefault("filename", submission.object)
    said = read_fields(fields)
    for name, token in tokens.items():
        _check_name(name, cast(str, getattr(said, name)), token)
    if (submission.audio is None) == (submission.object is None):
        raise BadInput("A submission has `audio` or `object`, one of them.", field="audio")
    if submission.audio is not None and len(submission.audio) > most:
        raise TooLarge(
            f"The message holds {len(submission.audio)} bytes of audio, of at most {most}"
            f" (ECHOBASE_SUBMIT_INLINE_BYTES): put it under {INBOX} and name it in `object`.",
            field="audio",
            limit=f"{most} bytes",
        )
    return Submitted(said, submission.audio, submission.object)


def check_key(key: str) -> None:
    """Raises BadInput unless a key names an object below `inbox/` and can name no other."""
    allowed = (
        key.startswith(INBOX)
        and len(key.encode()) <= KEY
        and key.isprintable()
        and unicodedata.is_normalized("NFC", key)
        and not set(key) & set("\\%")
        and all(part not in ("", ".", "..") for part in key.split("/"))
    )
    if not allowed:
        raise BadInput(f"The object {key[:80]!r} is not {_KEY}.", field="object", limit=_KEY)


def digest(message: StoredMessage) -> str:
    """The same for messages that say the same by the same subject."""
    return hashlib.sha256(f"{message.subject}\n".encode() + message.data).hexdigest()


def refusal_id(message: StoredMessage) -> str:
    """The id of a message's refusal, the same whoever refuses it, and however often."""
    canonical = ["echobase.submission.1", message.sequence, digest(message)]
    return hashlib.sha256(msgspec.json.encode(canonical)).hexdigest()[:32]


def refusal(message: StoredMessage, error: EchoBaseError, time: datetime) -> Refused:
    """The event that says why a message was refused, with what of it could be read."""
    source, channel = subjects.parse_submission(message.subject)
    told = _told(message.data)
    field = error.field if isinstance(error, BadInput) else None
    if field == FILE:
        field = "object" if "object" in told else "audio"
    given = _readable(told)
    return Refused(
        submission=refusal_id(message),
        sequence=message.sequence,
        source=_name(told, "source", source),
        channel=_name(told, "channel", channel),
        time=time,
        code=error.code,
        reason=reason(error),
        field=field,
        metadata=given.metadata,
        correlation_id=given.correlation_id,
    )


def reason(error: EchoBaseError) -> str:
    """What an error says, for an event and a header."""
    text = str(error)
    return text if len(text) <= REASON else text[: REASON - 1] + "…"


def _decode(data: bytes) -> Submission:
    try:
        return msgspec.json.decode(data, type=Submission)
    except msgspec.ValidationError as error:
        if place := _PLACE.search(str(error)):
            name = place["field"] or place["unknown"]
            limit = FIELDS[name].limit if name in FIELDS else None
            raise BadInput(f"The message does not fit: {error}.", field=name, limit=limit) from None
        raise BadMessage(f"does not decode as a submission: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"does not decode as a submission: {error}") from None


def _texts(submission: Submission) -> dict[str, str]:
    """The fields that an upload has too, as an upload would give them."""
    values = {name: cast(object, getattr(submission, name)) for name in FIELDS}
    return {name: _text(value) for name, value in values.items() if value not in (None, "")}


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case datetime():
            return value.isoformat()
        case _:
            return msgspec.json.encode(value).decode()


def _check_name(field: str, name: str, token: str) -> None:
    if subjects.token(name) != token:
        raise BadInput(
            f"The {field} {name[:80]!r} stands in a subject as {subjects.token(name)!r},"
            f" but the message came by {token[:80]!r}.",
            field=field,
            limit=f"the name of which the subject holds the token {token[:80]!r}",
        )


def _told(data: bytes) -> Metadata:
    try:
        return msgspec.json.decode(data, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _readable(told: Mapping[str, object]) -> Description:
    """What a refusal gives back, each field as far as it is allowed."""
    found: dict[str, str] = {}
    for name, kind in _TOLD.items():
        if isinstance(told.get(name), kind):
            text = _text(told[name])
            with suppress(BadInput):
                read_fields({name: text})
                found[name] = text
    return read_fields(found)


def _name(told: Mapping[str, object], field: str, token: str) -> str:
    name = told.get(field)
    return name if isinstance(name, str) and subjects.token(name) == token else token
