"""From our structs to messages on the bus: subject, CloudEvents headers (binary mode), trace.

    ce-specversion: 1.0
    ce-id: unique per message; a message sent again keeps it
    ce-source: /echobase/<service>
    ce-type: echobase.event.<type> | echobase.job
    ce-time: RFC 3339
    ce-datacontenttype: application/json
    traceparent, tracestate: of the OpenTelemetry context in which the message was made

Values are percent-encoded as the CloudEvents binding for NATS asks.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote
from uuid import uuid4

from opentelemetry import propagate
from opentelemetry.context import Context

from shared import subjects
from shared.bus import Message, StoredMessage
from shared.messages import Deleted, Event, Job, Refused, encode

ID = "ce-id"
PRODUCER = "ce-source"
DEAD_CODE = "Echobase-Dead-Code"
DEAD_REASON = "Echobase-Dead-Reason"
DEAD_SUBJECT = "Echobase-Dead-Subject"
DEAD_SEQUENCE = "Echobase-Dead-Sequence"
DEAD_TIME = "Echobase-Dead-Time"
EVENT_SUBJECT = "Echobase-Event-Subject"
"""Of what is to be posted to a receiver: the event's subject in EVENTS."""
WEBHOOK_ID = "Echobase-Webhook-Id"
"""By which a receiver knows a repetition; it stays the same however often it is posted."""
ORIGINAL = "Echobase-Original-"
"""Prefix of the headers that a dead letter's message came with."""

# Printable ASCII without space, double quote and percent sign goes as it is.
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')


def event_message(event: Event, service: str | None = None) -> Message:
    """The message that announces an event, with a new id.

    `service` is who says so: by default ingest for `queued`, the transcriber for all others.
    """
    producer = service or ("ingest" if event.type == "queued" else "transcriber")
    return Message(
        subject=subjects.event(
            event.source, event.channel, event.recording, event.version, event.type
        ),
        data=encode(event),
        headers=_headers(f"echobase.event.{event.type}", producer, event.time),
    )


def refused_message(event: Refused, submitted: str) -> Message:
    """The message that announces that a submission under the subject `submitted` was refused."""
    return Message(
        subject=subjects.refused(submitted, event.submission),
        data=encode(event),
        headers=_headers("echobase.event.refused", "ingest", event.time),
    )


def deleted_message(event: Deleted) -> Message:
    """The message that announces that a recording, or its audio, was deleted."""
    return Message(
        subject=subjects.event(event.source, event.channel, event.recording, 0, "deleted"),
        data=encode(event),
        headers=_headers("echobase.event.deleted", "ingest", event.time),
        message_id=f"deleted-{event.recording}-{event.what}-{_rfc3339(event.time)}",
    )


def job_message(job: Job, again: str = "") -> Message:
    """The message that puts a job into its lane; the same job has the same message id.

    `again` tells a version from one of the same number that was erased: the bus remembers its id.
    """
    return Message(
        subject=subjects.job(job.lane),
        data=encode(job),
        headers=_headers("echobase.job", "ingest", datetime.now(UTC)),
        message_id=f"job-{job.recording}-{job.version}{again}",
    )


def dead_message(service: str, original: StoredMessage, code: str, reason: str) -> Message:
    """The dead letter for a message that cannot succeed: its payload, its headers under
    `Echobase-Original-`, and why.

    Its message id names the original, so that a worker that dies before the original is removed
    leaves one dead letter and not two.
    """
    headers = {f"{ORIGINAL}{name}": value for name, value in original.headers.items()}
    headers |= {
        DEAD_CODE: code,
        DEAD_REASON: percent_encode(reason),
        DEAD_SUBJECT: original.subject,
        DEAD_SEQUENCE: str(original.sequence),
        DEAD_TIME: _rfc3339(datetime.now(UTC)),
    }
    propagate.inject(headers)
    return Message(
        subject=subjects.dead(service),
        data=original.data,
        headers=headers,
        message_id=f"dead-{original.sequence}-{original.headers.get(ID, original.subject)}",
    )


def producer(service: str) -> str:
    """The value of `PRODUCER` by which a service says that a message is its own."""
    return percent_encode(f"/echobase/{service}")


def trace_context(headers: Mapping[str, str]) -> Context:
    """The OpenTelemetry context that a message carries; an empty one if it carries none."""
    return propagate.extract(dict(headers), context=Context())


def percent_encode(value: str) -> str:
    """A header value as CloudEvents writes it."""
    return quote(value, safe=_SAFE)


def percent_decode(value: str) -> str:
    """The text that a percent-encoded header value stands for."""
    return unquote(value)


def _headers(kind: str, service: str, time: datetime) -> dict[str, str]:
    headers = {
        "ce-specversion": "1.0",
        ID: uuid4().hex,
        PRODUCER: producer(service),
        "ce-type": percent_encode(kind),
        "ce-time": _rfc3339(time),
        "ce-datacontenttype": "application/json",
    }
    propagate.inject(headers)
    return headers


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
