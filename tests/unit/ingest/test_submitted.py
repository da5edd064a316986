"""What a message to SUBMIT may say, and what of it comes back in a refusal."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.submission import DEPTH, FIELDS, METADATA
from services.ingest.submitted import REASON, check_key, read, refusal, refusal_id
from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput, BadMessage, EchoBaseError, NotAudio, TooLarge
from shared.messages import Options, Submission, encode
from tests.support.ingest import NOON

SUBJECT = "echobase.submit.county.fire"
AUDIO = base64.b64encode(b"sound").decode()


def message(said: object, subject: str = SUBJECT, sequence: int = 1) -> StoredMessage:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return StoredMessage(subject, data, {}, sequence)


def fault(said: object, subject: str = SUBJECT, most: int = 100) -> EchoBaseError:
    with pytest.raises(EchoBaseError) as found:
        read(message(said, subject), most)
    return found.value


def test_a_submission_has_an_uploads_fields_and_its_own() -> None:
    own = {"object", "audio", "format"}
    assert set(Submission.__struct_fields__) == {*FIELDS, *own}


def test_the_least_submission_is_of_the_subjects_names() -> None:
    found = read(message({"audio": AUDIO}), 100)
    assert (found.audio, found.object) == (b"sound", None)
    assert (found.said.source, found.said.channel, found.said.lane) == ("county", "fire", None)
    assert found.said.options == Options()


def test_every_field_is_read() -> None:
    said = Submission(
        object="inbox/2026/call 7.wav",
        source="Bezirk Süd",
        channel="Kanal 1",
        start=datetime(2026, 3, 1, 12, tzinfo=UTC),
        lane="urgent",
        language="de",
        prompt="Wache 4",
        hotwords="Birkenweg",
        words=True,
        task="translate",
        model="medium",
        metadata={"incident": 42, "more": [1, {"deep": None}]},
        correlation_id="call-8121",
    )
    found = read(message(encode(said), subjects.submission("Bezirk Süd", "Kanal 1")), 100)
    assert (found.audio, found.object) == (None, said.object)
    assert found.said.start == NOON
    assert (found.said.source, found.said.channel) == ("Bezirk Süd", "Kanal 1")
    assert (found.said.lane, found.said.filename) == ("urgent", "call 7.wav")
    assert found.said.metadata == said.metadata
    assert found.said.correlation_id == "call-8121"
    assert found.said.options == Options(
        model="medium",
        language="de",
        task="translate",
        prompt="Wache 4",
        hotwords="Birkenweg",
        words=True,
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"audio"',
        b'{"audio":',
        b'{"metadata": {"a": "\\ud800"}}',
        b'{"metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_no_submission_does_not_decode(data: bytes) -> None:
    assert isinstance(fault(data), BadMessage)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "audio"),
        ({"audio": AUDIO, "object": "inbox/a.wav"}, "audio"),
        ({"audio": "no base64!"}, "audio"),
        ({"audio": 7}, "audio"),
        ({"audio": AUDIO, "lane": "express"}, "lane"),
        ({"audio": AUDIO, "lane": 1}, "lane"),
        ({"audio": AUDIO, "task": "summarise"}, "task"),
        ({"audio": AUDIO, "format": 2}, "format"),
        ({"audio": AUDIO, "version": 2}, "version"),
        ({"audio": AUDIO, "sorce": "county"}, "sorce"),
        ({"audio": AUDIO, "start": "yesterday"}, "start"),
        ({"audio": AUDIO, "start": "2026-03-01T12:00:00"}, "start"),
        ({"audio": AUDIO, "start": "1969-03-01T12:00:00Z"}, "start"),
        ({"audio": AUDIO, "words": "yes"}, "words"),
        ({"audio": AUDIO, "language": "english"}, "language"),
        ({"audio": AUDIO, "model": "a b"}, "model"),
        ({"audio": AUDIO, "prompt": "x" * 1_001}, "prompt"),
        ({"audio": AUDIO, "hotwords": "\x07"}, "hotwords"),
        ({"audio": AUDIO, "filename": "x" * 256}, "filename"),
        ({"audio": AUDIO, "correlation_id": "a\nb"}, "correlation_id"),
        ({"audio": AUDIO, "correlation_id": "x" * 129}, "correlation_id"),
        ({"audio": AUDIO, "metadata": [1]}, "metadata"),
        ({"audio": AUDIO, "metadata": {"a": "x" * METADATA}}, "metadata"),
        ({"audio": AUDIO, "source": "elsewhere"}, "source"),
        ({"audio": AUDIO, "source": " "}, "source"),
        ({"audio": AUDIO, "channel": "Fire"}, "channel"),
    ],
)
def test_a_field_that_is_wrong_is_named(said: object, field: str) -> None:
    error = fault(said)
    assert isinstance(error, BadInput)
    assert (error.field, error.code) == (field, "bad-input")


def test_metadata_that_is_too_deep_is_named() -> None:
    deep = "[" * DEPTH + "]" * DEPTH
    error = fault(f'{{"audio": "{AUDIO}", "metadata": {{"a": {deep}}}}}'.encode())
    assert isinstance(error, BadInput)
    assert error.field == "metadata"


def test_an_encoded_token_needs_the_real_name() -> None:
    subject = subjects.submission("Bezirk Süd", "fire")
    assert isinstance(fault({"audio": AUDIO}, subject), BadInput)
    assert read(message({"audio": AUDIO, "source": "Bezirk Süd"}, subject), 100)


@pytest.mark.parametrize("token", ["*", ">", "a b", "Süd", "x" * 65, "\x01"])
def test_a_token_that_encodes_nothing_is_refused_whatever_the_name(token: str) -> None:
    for said in ({"audio": AUDIO}, {"audio": AUDIO, "source": token}):
        error = fault(said, f"echobase.submit.{token}.fire")
        assert isinstance(error, BadInput)
        assert error.field == "source"


def test_audio_within_the_message_has_a_limit() -> None:
    assert read(message({"audio": AUDIO}), 5).audio == b"sound"
    error = fault({"audio": AUDIO}, most=4)
    assert isinstance(error, TooLarge)
    assert (error.field, error.limit) == ("audio", "4 bytes")


@pytest.mark.parametrize(
    "key", ["inbox/a", "inbox/2026/03/call.wav", "inbox/a b (1).ogg", "inbox/Süd/…", "inbox/..a"]
)
def test_keys_of_the_inbox(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "inbox",
        "inbox/",
        "inbox//a",
        "inbox/a/",
        "/inbox/a",
        "//inbox/a",
        "Inbox/a",
        "inbox2/a",
        "../a",
        "inbox/../a",
        "inbox/../recordings/a",
        "inbox/a/../../recordings/b",
        "inbox/./a",
        "inbox/.",
        "inbox/..",
        "./inbox/a",
        "inbox\\a",
        "inbox/..\\a",
        "inbox/%2e%2e/a",
        "inbox%2fa",
        "inbox/a%00",
        "inbox/a\x00b",
        "inbox/a\nb",
        "inbox/a\u202eb",
        "inbox/a\u2028b",
        "inbox/Su\u0308d",
        "recordings/" + "0" * 32 + "/audio.wav",
        "s3://echobase/inbox/a",
        "http://127.0.0.1/inbox/a",
        "inbox/" + "x" * 512,
        "inbox/" + "ü" * 256,
    ],
)
def test_what_is_no_key_of_the_inbox(key: str) -> None:
    error = fault({"object": key})
    assert isinstance(error, BadInput)
    assert error.field == "object"


@given(st.text())
def test_a_key_that_is_taken_stays_below_the_inbox(text: str) -> None:
    key = f"inbox/{text}"
    try:
        check_key(key)
    except BadInput:
        return
    parts = key.split("/")
    assert parts[0] == "inbox"
    assert len(parts) > 1
    assert not {"", ".", ".."} & set(parts[1:])
    assert key.isprintable()


def test_a_refusal_gives_back_what_could_be_read() -> None:
    said = {"audio": "?", "lane": "x", "correlation_id": "call-1", "metadata": {"incident": 42}}
    refused = message(said, sequence=7)
    event = refusal(refused, fault(said), NOON)
    assert (event.correlation_id, event.metadata) == ("call-1", {"incident": 42})
    assert (event.source, event.channel, event.sequence) == ("county", "fire", 7)
    assert (event.code, event.time) == ("bad-input", NOON)
    assert event.field in ("audio", "lane")
    assert event.submission == refusal_id(refused)


@pytest.mark.parametrize(
    "said", [b"no JSON", {"correlation_id": [1], "metadata": 5}, {"correlation_id": "x" * 200}]
)
def test_a_refusal_gives_back_nothing_that_is_wrong(said: object) -> None:
    event = refusal(message(said), fault(said), NOON)
    assert (event.correlation_id, event.metadata) == (None, {})
    assert encode(event)


@pytest.mark.parametrize(("said", "field"), [({"object": "inbox/a"}, "object"), ({}, "audio")])
def test_audio_that_is_none_is_of_the_field_that_brought_it(said: object, field: str) -> None:
    error = NotAudio("the file is no audio", field="file")
    assert refusal(message(said), error, NOON).field == field


def test_a_refusals_reason_is_bounded() -> None:
    said = {"x" * 100_000: 1}
    assert len(refusal(message(said), fault(said), NOON).reason) <= REASON


def test_a_refusals_names_are_those_of_its_subject() -> None:
    subject = subjects.submission("Bezirk Süd", "fire")
    right = refusal(message({"source": "Bezirk Süd"}, subject), BadMessage("x"), NOON)
    wrong = refusal(message({"source": "Nord"}, subject), BadMessage("x"), NOON)
    assert (right.source, wrong.source) == ("Bezirk Süd", subjects.token("Bezirk Süd"))


def test_another_message_has_another_refusal() -> None:
    same = [message({"a": 1}), message({"a": 1})]
    others = [
        message({"a": 2}),
        message({"a": 1}, sequence=2),
        message({"a": 1}, "echobase.submit.a.b"),
    ]
    assert len({refusal_id(each) for each in (*same, *others)}) == 4
