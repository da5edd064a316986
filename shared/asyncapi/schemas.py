"""JSON schemas of what travels on NATS, made from the structs, and those of the headers."""

import inspect
from collections.abc import Mapping
from typing import cast

import msgspec
from msgspec import Struct

from shared import messages

Json = dict[str, object]
REFERENCE = "#/components/schemas/{name}"
EVENTS: Mapping[str, type[Struct]] = {
    "queued": messages.Queued,
    "started": messages.Started,
    "segment": messages.Segment,
    "completed": messages.Completed,
    "failed": messages.Failed,
    "corrected": messages.Corrected,
    "refused": messages.Refused,
    "deleted": messages.Deleted,
}
"""The struct of each type of event."""
_CLOUD_EVENTS: Mapping[str, str] = {
    "ce-specversion": "Version of CloudEvents",
    "ce-id": "Unique; the same when a message is sent again",
    "ce-source": "Which service says so, such as `/echobase/transcriber`",
    "ce-type": "`echobase.event.` and the type of event",
    "ce-time": "When it happened: RFC 3339, in UTC",
    "ce-datacontenttype": "Of the body",
}
_TRACE: Mapping[str, str] = {
    "traceparent": "Where it belongs to in OpenTelemetry (W3C Trace Context), if telemetry is on",
    "tracestate": "The same",
}
_ID = "Nats-Msg-Id"
_JETSTREAM: Mapping[str, str] = {
    _ID: "With `deleted` alone: by this id JetStream knows a message that it holds already",
    "Nats-Expected-Last-Subject-Sequence": "JetStream's: the writer's fence, so that a version has"
    " one writer",
    "Nats-Expected-Last-Subject-Sequence-Subject": "JetStream's: what that fence is around",
    "Nats-Batch-Id": "JetStream's: segments of one piece of audio are stored together",
    "Nats-Batch-Sequence": "JetStream's: the place in that batch",
    "Nats-Batch-Commit": "JetStream's: the last of the batch",
}


def message_schemas() -> Json:
    """The schema of every message and of what messages hold, by the structs' names."""
    _, components = msgspec.json.schema_components(
        (messages.Submission, *EVENTS.values()), schema_hook=_any, ref_template=REFERENCE
    )
    for name, schema in components.items():
        # As it stands in the code, without its indentation.
        schema["description"] = inspect.cleandoc(getattr(messages, name).__doc__)
    for kind in EVENTS.values():
        components[kind.__name__]["properties"]["type"]["description"] = "Which event it is"
    return cast(Json, components)


def event_headers() -> Json:
    """The schema of an event's headers."""
    said = {**_CLOUD_EVENTS, **_TRACE, **_JETSTREAM}
    texts = {name: _text(says) for name, says in said.items()}
    texts["ce-specversion"]["const"] = "1.0"
    texts["ce-datacontenttype"]["const"] = "application/json"
    texts["ce-type"]["pattern"] = rf"^echobase\.event\.({'|'.join(EVENTS)})$"
    texts["ce-source"]["pattern"] = "^/echobase/[a-z]+$"
    texts["ce-time"]["format"] = "date-time"
    return {
        "title": "CloudEvents",
        "description": "CloudEvents in binary mode. Their values are percent-encoded: printable"
        " ASCII but for space, double quote and percent sign stands for itself. Other headers"
        " may come; leave them alone.",
        "type": "object",
        "properties": texts,
        "required": list(_CLOUD_EVENTS),
    }


def submission_headers() -> Json:
    """The schema of a submission's headers: none is needed."""
    return {
        "title": "SubmissionHeaders",
        "description": "None is needed. CloudEvents' may be there too; they are not read.",
        "type": "object",
        "properties": {
            _ID: _text(
                "Your own id of the message. Published again with the same one within two minutes,"
                " it is stored once: do that whenever you do not know whether it arrived"
            ),
            "traceparent": _text("W3C Trace Context: the recording's trace goes on from there"),
        },
    }


def acknowledgment() -> Json:
    """The schema of what JetStream answers to a message that was published as a request."""
    return {
        "title": "Acknowledgment",
        "description": "JetStream's own: either `stream` and `seq`, or `error`.",
        "type": "object",
        "properties": {
            "stream": {"type": "string", "description": "`SUBMIT`: the message is kept there"},
            "seq": {
                "type": "integer",
                "description": "Its sequence, which a refusal names as `sequence`; absent or 0 if"
                " there is an error",
            },
            "duplicate": {
                "type": "boolean",
                "description": "It was there already, by its `Nats-Msg-Id`",
            },
            "error": {
                "type": "object",
                "description": "It is not kept",
                "properties": {
                    "code": {"type": "integer", "description": "As of HTTP"},
                    "err_code": {"type": "integer", "description": "JetStream's own"},
                    "description": {"type": "string", "description": "A sentence for people"},
                },
                "required": ["code", "err_code", "description"],
            },
        },
        "anyOf": [{"required": ["stream", "seq"]}, {"required": ["error"]}],
    }


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _any(kind: type) -> Json:
    """Of a value of which nothing is said, such as those in metadata."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "Any JSON"}
