"""Frames of server-sent events, and the id by which a reader resumes."""

import httpx
import httpx_sse
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream import sse
from shared.bus import StoredMessage
from shared.errors import BadInput

SUBJECT = "echobase.events.upload.default.0123456789abcdef0123456789abcdef.1.segment"


def read(frame: bytes) -> list[httpx_sse.ServerSentEvent]:
    """The events that an independent reader finds in the bytes."""
    answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=frame)
    return list(httpx_sse.EventSource(answer).iter_sse())


def stored(data: bytes, sequence: int = 7) -> StoredMessage:
    return StoredMessage(SUBJECT, data, {}, sequence)


@given(st.from_regex(r"[A-Za-z0-9_.]{1,64}", fullmatch=True), st.integers(0, 2**63 - 1))
def test_an_id_comes_back_as_it_was(epoch: str, sequence: int) -> None:
    assert sse.parse_id(str(sse.EventId(epoch, sequence))) == (epoch, sequence)


@pytest.mark.parametrize(
    "text",
    ["", "7", "-7", "a-", "a-x", "a--7", "a-7 ", "a-7\n", "a b-7", "é-7", "a-٣", "a-" + "9" * 20],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        sse.parse_id(text)
    assert refused.value.field == "Last-Event-ID"
    assert refused.value.status == 400


def test_a_frame_holds_the_event_as_stored() -> None:
    data = '{"type":"segment","text":"Engine 7, é"}'.encode()
    [event] = read(sse.event_frame("e1", stored(data)))
    assert (event.event, event.id, event.data.encode()) == ("segment", "e1-7", data)


@given(st.text(st.characters(blacklist_categories=["Cs"]) | st.sampled_from("\r\n:")))
def test_line_ends_in_the_data_cannot_end_a_frame(text: str) -> None:
    [event] = read(sse.event_frame("e1", stored(b"{" + text.encode() + b"}")))
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert event.data == "{" + expected + "}"
    assert event.id == "e1-7"


def test_a_gap_says_why() -> None:
    [event] = read(sse.gap_frame("aged-out"))
    assert (event.event, event.id) == ("gap", "")
    assert event.json() == {"type": "gap", "reason": "aged-out"}


def test_comments_and_hints_are_no_events() -> None:
    assert sse.comment_frame("heartbeat") == b": heartbeat\n\n"
    assert sse.retry_frame(1500) == b"retry: 1500\n\n"
