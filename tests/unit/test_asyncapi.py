"""The AsyncAPI document is made from the code, is AsyncAPI 3.0, and says what the services say."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event
from cloudevents.core.exceptions import CloudEventValidationError

from shared import errors, messages
from shared.asyncapi import document, examples
from shared.asyncapi.document import subject
from shared.asyncapi.schemas import EVENTS
from shared.asyncapi.text import to_yaml
from shared.bus import Message
from shared.envelope import deleted_message, event_message, refused_message
from shared.subjects import parse_event, submission
from tests.support.contract import PLACE, Contract, Json, contract

TRACED = {"traceparent", "tracestate"}
"""Headers that are there while telemetry is on."""


@pytest.fixture(scope="module")
def agreed() -> Contract:
    return contract()


# --- the file ---


def test_the_file_is_that_of_the_code() -> None:
    assert PLACE.read_text("utf-8") == to_yaml(document()), "run `python -m shared.asyncapi`"


def test_the_text_says_the_same_as_the_data(agreed: Contract) -> None:
    assert agreed.document == document()


def test_it_is_asyncapi_3(agreed: Contract) -> None:
    assert agreed.document["asyncapi"] == "3.0.0"
    assert agreed.invalid() == []
    assert agreed.dangling() == []


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("action: receive", "action: listen"),
        ("asyncapi: 3.0.0", "asyncapi: 2.6.0"),
        ("defaultContentType: application/json", "contentType: application/json"),
        ("title: SUBMIT", "title: 7"),
    ],
)
def test_a_document_that_is_not_asyncapi_3_is_found(written: str, instead: str) -> None:
    text = PLACE.read_text("utf-8")
    assert written in text
    assert Contract(text.replace(written, instead)).invalid() != []


def test_a_reference_that_leads_nowhere_is_found() -> None:
    text = PLACE.read_text("utf-8")
    gone = "#/components/schemas/Gone"
    assert Contract(text.replace("#/components/schemas/Queued", gone)).dangling() == [gone]


# --- what it says ---


def test_there_is_a_channel_for_submissions_and_for_each_type_of_event(agreed: Contract) -> None:
    assert set(agreed.part("channels")) == {"submit", "acknowledgment", *messages.ALL_TYPES}
    assert set(EVENTS) == set(messages.ALL_TYPES)
    assert {agreed.part("operations", kind)["action"] for kind in EVENTS} == {"send"}
    assert agreed.part("operations", "submit")["action"] == "receive"


@pytest.mark.parametrize("kind", EVENTS)
def test_subjects_and_headers_are_those_that_services_use(agreed: Contract, kind: str) -> None:
    sent = made(kind)
    assert agreed.channel_of(sent.subject) == kind
    assert parse_event(sent.subject).type == kind
    assert headers(sent) | {"ce-id": ""} == untraced(examples.headers(kind)) | {"ce-id": ""}
    assert agreed.faults(sent.subject, headers(sent), sent.data) == []


@pytest.mark.parametrize("kind", EVENTS)
def test_an_address_names_each_of_its_parameters(agreed: Contract, kind: str) -> None:
    channel = agreed.part("channels", kind)
    address = cast(str, channel["address"])
    assert address == subject(kind)
    assert set(re.findall(r"{(\w+)}", address)) == set(cast(Json, channel["parameters"]))


@pytest.mark.parametrize("kind", EVENTS)
def test_an_example_is_as_its_schemas_say(agreed: Contract, kind: str) -> None:
    [shown] = cast(list[Json], agreed.part("components", "messages", kind)["examples"])
    body = json.dumps(shown["payload"]).encode()
    assert agreed.faults(made(kind).subject, cast(dict[str, str], shown["headers"]), body) == []
    assert messages.decode(body, EVENTS[kind]) == examples.events()[kind]


@pytest.mark.parametrize("name", examples.SUBMISSIONS)
def test_a_submission_is_as_its_schemas_say(agreed: Contract, name: str) -> None:
    shown = cast(list[Json], agreed.part("components", "messages", "submission")["examples"])
    [found] = [each for each in shown if each["name"] == name]
    body = json.dumps(found["payload"]).encode()
    sent = cast(dict[str, str], found["headers"])
    assert agreed.faults(submission("county", "fire"), sent, body) == []
    assert messages.decode(body, messages.Submission) == examples.SUBMISSIONS[name]


@pytest.mark.parametrize("name", examples.ACKNOWLEDGMENTS)
def test_an_acknowledgment_is_as_its_schema_says(agreed: Contract, name: str) -> None:
    schema = agreed.part("components", "schemas", "Acknowledgment")
    assert agreed.schema_faults(schema, examples.ACKNOWLEDGMENTS[name], "field") == []


def test_every_reason_to_refuse_or_to_fail_is_named(agreed: Contract) -> None:
    told = str(agreed.part("operations", "failed")) + str(agreed.part("operations", "refused"))
    known = {error.code for error in subclasses(errors.CannotSucceed)}
    known |= {error.code for error in (errors.BadInput, errors.NotAudio, errors.TooLarge)}
    known -= {errors.CannotSucceed.code}
    assert {code for code in known if f"`{code}`" not in told} == set()


@pytest.mark.parametrize("kind", EVENTS)
def test_the_official_parser_of_cloud_events_reads_what_services_send(kind: str) -> None:
    sent = made(kind)
    event = from_binary_event(HTTPMessage(dict(sent.headers), sent.data))
    assert event.get_type() == f"echobase.event.{kind}"
    assert event.get_specversion() == "1.0"
    assert event.get_id() == sent.headers["ce-id"]
    assert event.get_source() == untraced(examples.headers(kind))["ce-source"]
    assert event.get_time() == examples.events()[kind].time
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == examples.payload(examples.events()[kind])


def test_the_official_parser_refuses_what_is_no_cloud_event() -> None:
    sent = made("queued")
    # It makes up an id where there is none.
    for missing in ("ce-source", "ce-type"):
        rest = {name: value for name, value in sent.headers.items() if name != missing}
        with pytest.raises(CloudEventValidationError):
            from_binary_event(HTTPMessage(rest, sent.data))


# --- helpers ---


def made(kind: str) -> Message:
    """The message that a service would send for an example."""
    match examples.events()[kind]:
        case messages.Refused() as event:
            return refused_message(event, submission("county", "fire"))
        case messages.Deleted() as event:
            return deleted_message(event)
        case event:
            return event_message(event, "stream" if kind == "corrected" else None)


def headers(sent: Message) -> dict[str, str]:
    """Those with which it is published."""
    return {**sent.headers, **({"Nats-Msg-Id": sent.message_id} if sent.message_id else {})}


def untraced(shown: Mapping[str, str]) -> dict[str, str]:
    """Without what is there only while telemetry is on."""
    return {name: value for name, value in shown.items() if name not in TRACED}


def subclasses(kind: type[errors.EchoBaseError]) -> Iterator[type[errors.EchoBaseError]]:
    """An error and all that it is refined to."""
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)
