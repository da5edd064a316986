"""The AsyncAPI document: what may be sent on which subject, and what comes back."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version

from shared import errors, topology
from shared.asyncapi import examples, words
from shared.asyncapi.schemas import (
    EVENTS,
    REFERENCE,
    Json,
    acknowledgment,
    event_headers,
    message_schemas,
    submission_headers,
)
from shared.subjects import EventSubject

_VERSIONLESS = {"refused", "deleted"}
"""Events of no version: in their subjects the version is 0."""
_FAILURES = (
    errors.BadMessage,
    errors.ObjectMissing,
    errors.StoreRefused,
    errors.NotAudio,
    errors.TooLarge,
    errors.ModelUnavailable,
    errors.NotSupported,
    errors.TooManyAttempts,
)
_REFUSALS = (
    errors.BadMessage,
    errors.BadInput,
    errors.NotAudio,
    errors.TooLarge,
    errors.ObjectMissing,
    errors.StoreRefused,
    errors.TooManyAttempts,
)
"""Why events `failed` and `refused` come."""


def document() -> Json:
    """The whole document, as data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "EchoBase on NATS",
            "version": version("echobase"),
            "description": words.INTRODUCTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": words.SERVER,
                "security": [{"$ref": "#/components/securitySchemes/user"}],
            }
        },
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": _messages(),
            "schemas": {
                **message_schemas(),
                "EventHeaders": event_headers(),
                "SubmissionHeaders": submission_headers(),
                "Acknowledgment": acknowledgment(),
            },
            "parameters": words.PARAMETERS,
            "securitySchemes": {"user": {"type": "userPassword", "description": words.USERS}},
        },
    }


def subject(kind: str) -> str:
    """The address of the events of a type."""
    if kind in _VERSIONLESS:
        named = "{submission}" if kind == "refused" else "{recording}"
        return str(EventSubject("{source}", "{channel}", named, 0, kind))
    return str(EventSubject("{source}", "{channel}", "{recording}", 0, kind)).replace(
        ".0.", ".{version}."
    )


def _channels() -> Json:
    submit = {
        "address": "echobase.submit.{source}.{channel}",
        "title": "SUBMIT",
        "description": f"Kept in the stream `{topology.SUBMIT.name}`",
        "messages": {"submission": _message("submission")},
        "parameters": _parameters("source", "channel"),
    }
    acknowledged = {
        "address": None,
        "title": "Acknowledgment",
        "description": words.ACKNOWLEDGMENT,
        "messages": {"acknowledgment": _message("acknowledgment")},
    }
    return {
        "submit": submit,
        "acknowledgment": acknowledged,
        **{kind: _event_channel(kind) for kind in EVENTS},
    }


def _event_channel(kind: str) -> Json:
    named = "submission" if kind == "refused" else "recording"
    more = () if kind in _VERSIONLESS else ("version",)
    return {
        "address": subject(kind),
        "title": kind,
        "description": f"Kept in the stream `{topology.EVENTS.name}`",
        "messages": {kind: _message(kind)},
        "parameters": _parameters("source", "channel", named, *more),
    }


def _operations() -> Json:
    submit: Json = {
        "action": "receive",
        "title": "Ask for a transcription",
        "summary": "Publish a recording, or the name of one",
        "description": words.SUBMIT,
        "channel": {"$ref": "#/channels/submit"},
        "messages": [{"$ref": "#/channels/submit/messages/submission"}],
        "reply": {
            "channel": {"$ref": "#/channels/acknowledgment"},
            "messages": [{"$ref": "#/channels/acknowledgment/messages/acknowledgment"}],
        },
    }
    return {"submit": submit, **{kind: _event_operation(kind) for kind in EVENTS}}


def _event_operation(kind: str) -> Json:
    return {
        "action": "send",
        "title": kind,
        "summary": words.SUMMARIES[kind],
        "description": words.EVENTS[kind] + "".join(_codes(kind)),
        "channel": {"$ref": f"#/channels/{kind}"},
        "messages": [{"$ref": f"#/channels/{kind}/messages/{kind}"}],
    }


def _codes(kind: str) -> Iterator[str]:
    """What the field `code` of an event may hold, and what each means."""
    found: Mapping[str, tuple[type[errors.EchoBaseError], ...]] = {
        "failed": _FAILURES,
        "refused": _REFUSALS,
    }
    if kind in found:
        yield "\n\nIts `code` is one of these, and others may come:\n\n"
        for error in found[kind]:
            yield f"- `{error.code}`: {error.__doc__}\n"


def _messages() -> Json:
    return {
        "submission": {
            "name": "submission",
            "title": "A submission",
            "summary": words.SUMMARIES["submission"],
            "headers": _schema("SubmissionHeaders"),
            "payload": _schema("Submission"),
            "examples": [
                {
                    "name": name,
                    "summary": words.EXAMPLES[name],
                    "headers": {"Nats-Msg-Id": message.correlation_id},
                    "payload": examples.payload(message),
                }
                for name, message in examples.SUBMISSIONS.items()
            ],
        },
        "acknowledgment": {
            "name": "acknowledgment",
            "title": "JetStream's acknowledgment",
            "summary": words.SUMMARIES["acknowledgment"],
            "payload": _schema("Acknowledgment"),
            "examples": [
                {"name": name, "summary": words.EXAMPLES[name], "payload": payload}
                for name, payload in examples.ACKNOWLEDGMENTS.items()
            ],
        },
        **{kind: _event_message(kind) for kind in EVENTS},
    }


def _event_message(kind: str) -> Json:
    return {
        "name": f"echobase.event.{kind}",
        "title": kind,
        "summary": words.SUMMARIES[kind],
        "headers": _schema("EventHeaders"),
        "payload": _schema(EVENTS[kind].__name__),
        "examples": [
            {
                "name": kind,
                "headers": examples.headers(kind),
                "payload": examples.payload(examples.events()[kind]),
            }
        ],
    }


def _message(name: str) -> Json:
    return {"$ref": f"#/components/messages/{name}"}


def _schema(name: str) -> Json:
    return {"$ref": REFERENCE.format(name=name)}


def _parameters(*names: str) -> Json:
    return {name: {"$ref": f"#/components/parameters/{name}"} for name in names}
