"""The clients' accounts: what is wrong is found, whichever way the bytes come."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storm.chunks import Chunks
from tests.storm.contiguity import Contiguity, Expected

LAST = 12


def frame(number: int) -> bytes:
    return b'event: segment\nid: e-%d\ndata: {"index":%d,"text":"roger"}\n\n' % (number, number)


def frames(numbers: Iterable[int]) -> bytes:
    return b"".join(frame(number) for number in numbers)


def expected() -> Expected:
    return Expected(range(1, LAST + 1))


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ([1, 2, 3, 4, 5], ""),
        ([1, 2, 4, 5], "1 missing"),
        ([3, 4], "2 missing"),
        ([1, 2, 2, 3], "1 doubled"),
        ([1, 2, 3, 1, 2, 3, 4], "3 doubled"),
        ([1, 3, 2, 4], "1 missing, 1 doubled"),
        ([1, 2, 77, 3], "1 foreign"),
    ],
)
def test_a_fault_is_found(sent: list[int], fault: str, others: int) -> None:
    """Whether or not another client has been sent the same before."""
    shared = expected()
    for _ in range(others):
        other = Contiguity(shared)
        other.take(frames(range(1, LAST + 1)))
        assert (other.at, other.fault) == (LAST, "")
    for cut in range(len(sent) + 1):
        check = Contiguity(shared)
        for some in (sent[:cut], sent[cut:]):
            if some:
                check.take(frames(some))
        assert check.fault == fault
        assert check.at == max(number for number in sent if number <= LAST)


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), max_size=5), st.data())
def test_many_clients_that_are_sent_everything(steps: list[list[int]], data: st.DataObject) -> None:
    """Each in pieces of its own, with comments in between."""
    shared = expected()
    for pieces in steps:
        check, at = Contiguity(shared), 0
        for piece in pieces:
            sent = [frame(n) for n in range(at + 1, min(LAST, at + piece) + 1)]
            if data.draw(st.booleans()):
                sent.insert(data.draw(st.integers(0, len(sent))), b": ok\n\n")
            if sent:
                check.take(b"".join(sent))
            at = min(LAST, at + piece)
            assert (check.at, check.fault) == (at, "")


def test_a_filters_own_numbers() -> None:
    check = Contiguity(Expected([2, 4, 8]))
    check.take(frames([2, 4]))
    assert (check.at, check.expected.up_to(3), check.expected.up_to(8)) == (2, 1, 3)
    check.take(frames([5, 8]))
    assert (check.at, check.fault) == (3, "1 foreign")


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=5), st.data())
def test_chunks_come_in_any_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies) + b"0\r\n\r\n"
    cuts = data.draw(st.lists(st.integers(0, len(coded)), max_size=6).map(sorted))
    chunks = Chunks()
    ends = [*cuts, len(coded)]
    pieces = [coded[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)]
    assert b"".join(chunks.take(piece) for piece in pieces) == b"".join(bodies)
    assert chunks.ended


def test_a_body_that_breaks_off_has_not_ended() -> None:
    chunks = Chunks()
    assert chunks.take(b"5\r\nroger\r\n") == b"roger"
    assert not chunks.ended
