"""What a dead letter says, and what is left of its replay."""

import pytest

from services.ingest.dead_letters import Letter, letter, letters, next_step, read_letter
from shared.bus import Message, StoredMessage
from shared.envelope import dead_message, event_message, job_message
from shared.memory_bus import MemoryBus
from shared.messages import Event
from shared.topology import topology
from tests.support.events import completed, failed, queued, segment, started
from tests.support.transcribing import make_job

OWN = "replay-e1-7"


def buried(message: Message, reason: str = "The object is not in the store: grün") -> Message:
    original = StoredMessage(message.subject, message.data, message.headers, 41)
    return dead_message("transcriber", original, "object-missing", reason)


def stored(message: Message, sequence: int = 7) -> StoredMessage:
    return StoredMessage(message.subject, message.data, message.headers, sequence)


def test_a_letter_tells_what_it_was_and_why_it_died() -> None:
    job = make_job()
    sent = job_message(job)
    found = read_letter(stored(buried(sent)))
    assert (found.sequence, found.service, found.code) == (7, "transcriber", "object-missing")
    assert found.reason == "The object is not in the store: grün"
    assert found.time.startswith("20")
    assert (found.subject, found.data, found.headers) == (sent.subject, sent.data, sent.headers)
    assert found.job == job


def test_the_old_message_id_and_fence_are_no_part_of_it() -> None:
    sent = Message(
        "echobase.jobs.live", b"{}", {"Nats-Msg-Id": "x", "nats-expected-y": "3", "a": "b"}
    )
    assert read_letter(stored(buried(sent))).headers == {"a": "b"}


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b'{"recording": 3}'])
def test_what_is_no_job_is_a_letter_all_the_same(data: bytes) -> None:
    found = read_letter(stored(buried(Message("echobase.jobs.live", data))))
    assert (found.job, found.data) == (None, data)


def test_a_message_that_nobody_buried_is_a_letter_that_says_nothing() -> None:
    found = read_letter(StoredMessage("echobase.dead.x", b"data", {}, 3))
    assert found == Letter(3, "x", "", "", "", "", {}, b"data", None)


async def test_letters_are_found_in_the_stream() -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    assert await letters(bus) == []
    for number in range(3):
        await bus.publish(buried(job_message(make_job(number)), f"reason {number}"))
    assert [(x.sequence, x.reason) for x in await letters(bus)] == [
        (1, "reason 0"),
        (2, "reason 1"),
        (3, "reason 2"),
    ]
    second = await letter(bus, 2)
    assert second is not None
    assert second.reason == "reason 1"
    assert await letter(bus, 9) is None


def events(*types: Event | str) -> list[StoredMessage]:
    """Messages of one version; a text is a replay's `queued` with that id."""
    found: list[StoredMessage] = []
    for sequence, each in enumerate(types, start=1):
        message = event_message(queued() if isinstance(each, str) else each)
        headers = {**message.headers, "ce-id": each} if isinstance(each, str) else message.headers
        found.append(StoredMessage(message.subject, message.data, headers, sequence))
    return found


@pytest.mark.parametrize(
    ("history", "step"),
    [
        ([], "queue"),
        ([queued(), failed()], "queue"),
        ([queued(), started(), segment(0), failed()], "queue"),
        ([queued()], "busy"),
        ([queued(), started()], "busy"),
        ([queued(), started(), segment(0)], "busy"),
        ([queued(), failed(), "replay-e1-6"], "busy"),
        ([queued(), failed(), "replay-e1-6", started(), failed()], "queue"),
        ([queued(), failed(), OWN], "publish"),
        ([queued(), failed(), OWN, started()], "taken"),
        ([queued(), failed(), OWN, started(), failed()], "taken"),
        ([queued(), failed(), OWN, failed(), "replay-e1-9"], "taken"),
        ([queued(), started(), completed()], "completed"),
        ([queued(), failed(), OWN, started(), completed()], "completed"),
    ],
)
def test_what_is_left_of_a_replay(history: list[Event | str], step: str) -> None:
    assert next_step(events(*history), OWN, waits=True) == step
    # A job that nobody has any more cannot end.
    lost = "queue" if step == "busy" else step
    assert next_step(events(*history), OWN, waits=False) == lost
