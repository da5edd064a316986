"""Structs become messages with CloudEvents headers and the trace that they were made in."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.bus import StoredMessage
from shared.envelope import (
    DEAD_CODE,
    DEAD_REASON,
    DEAD_SEQUENCE,
    DEAD_SUBJECT,
    ID,
    ORIGINAL,
    dead_message,
    event_message,
    job_message,
    percent_decode,
    percent_encode,
    trace_context,
)
from shared.messages import Job, decode, decode_event
from tests.support.events import OPTIONS, RECORDING, queued, segment, started

JOB = Job(
    recording=RECORDING,
    version=2,
    source="county",
    channel="fire 1",
    lane="urgent",
    audio="key",
    duration=3,
    options=OPTIONS,
)


@pytest.fixture
def span() -> Iterator[trace.Span]:
    """A span of a tracer that is nobody else's."""
    with TracerProvider().get_tracer("test").start_as_current_span("upload") as span:
        yield span


def test_an_event_s_message() -> None:
    message = event_message(segment(3))
    assert message.subject.startswith("echobase.events.county.fire-1_x")
    assert message.subject.endswith(f".{RECORDING}.1.segment")
    assert decode_event(message.data) == segment(3)
    assert message.message_id is None
    headers = dict(message.headers)
    assert len(headers.pop(ID)) == 32
    assert headers == {
        "ce-specversion": "1.0",
        "ce-source": "/echobase/transcriber",
        "ce-type": "echobase.event.segment",
        "ce-time": "2026-03-04T05:06:07.890000Z",
        "ce-datacontenttype": "application/json",
    }


def test_who_says_it() -> None:
    assert event_message(queued()).headers["ce-source"] == "/echobase/ingest"
    assert event_message(started()).headers["ce-source"] == "/echobase/transcriber"
    assert event_message(queued(), "stream").headers["ce-source"] == "/echobase/stream"


def test_every_message_has_its_own_id() -> None:
    ids = {event_message(queued()).headers[ID] for _ in range(100)}
    assert len(ids) == 100


def test_the_same_job_has_the_same_message_id() -> None:
    message = job_message(JOB)
    assert message.subject == "echobase.jobs.urgent"
    assert message.message_id == job_message(JOB).message_id == f"job-{RECORDING}-2"
    assert decode(message.data, Job) == JOB


def test_a_dead_letter_keeps_payload_headers_and_reason() -> None:
    job = job_message(JOB)
    original = StoredMessage(job.subject, job.data, job.headers, 41)
    dead = dead_message("transcriber", original, "not-audio", "no audio: 50% “noise”\r\nX: y")
    assert dead.subject == "echobase.dead.transcriber"
    assert dead.data == job.data
    assert {k: dead.headers[ORIGINAL + k] for k in job.headers} == dict(job.headers)
    assert dead.headers[DEAD_CODE] == "not-audio"
    assert dead.headers[DEAD_SUBJECT] == "echobase.jobs.urgent"
    assert dead.headers[DEAD_SEQUENCE] == "41"
    assert percent_decode(dead.headers[DEAD_REASON]) == "no audio: 50% “noise”\r\nX: y"
    again = dead_message("transcriber", original, "not-audio", "no audio")
    assert again.message_id == dead.message_id


def test_the_dead_letter_of_a_replayed_job_is_another_one() -> None:
    first, replayed = (job_message(JOB) for _ in range(2))
    letters = [
        dead_message("t", StoredMessage(m.subject, m.data, m.headers, n), "c", "r")
        for n, m in enumerate((first, replayed))
    ]
    assert letters[0].message_id != letters[1].message_id


def test_a_message_carries_its_trace(span: trace.Span) -> None:
    context = trace_context(event_message(queued()).headers)
    assert trace.get_current_span(context).get_span_context().trace_id == (
        span.get_span_context().trace_id
    )


def test_a_message_without_a_trace_starts_none(span: trace.Span) -> None:
    assert span.is_recording()
    carried = trace.get_current_span(trace_context({})).get_span_context()
    assert not carried.is_valid


@given(st.text())
def test_percent_encoding_is_printable_and_reversible(text: str) -> None:
    encoded = percent_encode(text)
    assert all(0x21 <= ord(c) <= 0x7E and c != '"' for c in encoded)
    assert percent_decode(encoded) == text
