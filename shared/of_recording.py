"""Of which recording a message is, whatever the stream that holds it. Pure."""

import hashlib
from collections.abc import Callable, Mapping

from shared import envelope, subjects
from shared.errors import BadMessage
from shared.identity import RECORDING_ID, recording_id
from shared.messages import Deleted, Job, Submission, decode
from shared.topology import DEAD, EVENTS, JOBS, SUBMIT, WEBHOOKS

Digest = Callable[[str], str | None]
"""SHA-256, in hex, of the object of a key; None if that is not known."""


def of_recording(
    subject: str, headers: Mapping[str, str], data: bytes, digest: Digest = lambda _: None
) -> str | None:
    """The id of the recording that a message is of; None if it is of none, or cannot be read.

    `digest` tells of objects that a submission names: its recording's id is made from them.
    """
    if subject.startswith(_prefix(DEAD.subjects[0])):
        subject = headers.get(envelope.DEAD_SUBJECT, "")
    if subject.startswith(_prefix(WEBHOOKS.subjects[0])):
        subject = headers.get(_said(headers, envelope.EVENT_SUBJECT), "")
    if subject.startswith(_prefix(EVENTS.subjects[0])):
        return _of_event(subject)
    if subject in JOBS.subjects:
        return _of_job(data)
    if subject.startswith(_prefix(SUBMIT.subjects[0])):
        return _of_submission(subject, data, digest)
    return None


def deleted_recording(subject: str, data: bytes) -> str | None:
    """The recording that an event says was deleted as a whole; None if it says something else."""
    if not subject.endswith(".0.deleted"):
        return None
    try:
        event = decode(data, Deleted)
    except BadMessage:
        return None
    return event.recording if event.what == "all" and RECORDING_ID.match(event.recording) else None


def _said(headers: Mapping[str, str], name: str) -> str:
    """A header's name, or the one by which a dead letter has it."""
    return name if name in headers else f"{envelope.ORIGINAL}{name}"


def _prefix(subjects_: str) -> str:
    return subjects_.partition("*")[0].partition(">")[0]


def _of_event(subject: str) -> str | None:
    try:
        recording = subjects.parse_event(subject).recording
    except ValueError:
        return None
    return recording if RECORDING_ID.match(recording) else None


def _of_job(data: bytes) -> str | None:
    try:
        return decode(data, Job).recording
    except BadMessage:
        return None


def _of_submission(subject: str, data: bytes, digest: Digest) -> str | None:
    try:
        source, channel = subjects.parse_submission(subject)
        said = decode(data, Submission)
    except (BadMessage, ValueError):
        return None
    if said.audio is not None:
        sha256: str | None = hashlib.sha256(said.audio).hexdigest()
    else:
        sha256 = digest(said.object or "")
    if sha256 is None or (said.start is not None and said.start.tzinfo is None):
        return None
    # As ingest reads the fields: without the space around them, empty is absent.
    names = ((said.source or "").strip() or source, (said.channel or "").strip() or channel)
    return recording_id(*names, said.start, sha256)
