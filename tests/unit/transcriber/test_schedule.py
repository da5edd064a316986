"""What the model does next."""

from pathlib import Path

import numpy as np
import pytest

from services.transcriber.places import free_places, refill
from services.transcriber.schedule import (
    AGING,
    BACKFILL,
    LIVE,
    URGENT,
    Call,
    Later,
    Limits,
    Ticket,
    choose,
)
from services.transcriber.scripted_engine import ScriptedEngine
from services.transcriber.step import Step
from services.transcriber.whisper import Search
from shared.subjects import Lane

ENGINE = ScriptedEngine()
OTHER = ScriptedEngine("other")
LIMITS = Limits(most=3, wait=0.05)
NOW = 100.0


def ticket(
    turn: float = 0.0,
    rank: int = LIVE,
    *,
    frames: int = 4,
    ready: float | None = None,
    since: float = NOW,
    alone: bool = False,
    engine: ScriptedEngine = ENGINE,
    prompt: int = 3,
    search: Search = Search(1),  # noqa: B008 - it never changes
) -> Ticket:
    step = Step(np.zeros((1, frames), np.float32), [0] * prompt, search)
    return Ticket(step, engine, rank, turn, since, alone, ready)


def chosen(
    *waiting: Ticket, encoding: tuple[Ticket, ...] = (), expecting: bool = False, now: float = NOW
) -> Call | Later | None:
    return choose(waiting, encoding, LIMITS, now, expecting=expecting)


def ready(turn: float = 0.0, rank: int = LIVE, *, frames: int = 4, prompt: int = 3) -> Ticket:
    return ticket(turn, rank, ready=NOW, frames=frames, prompt=prompt)


def test_nothing_waits() -> None:
    assert chosen() is None


def test_a_single_window_does_not_wait_for_company() -> None:
    one = ticket()
    assert chosen(one) == Call("encode", [one])
    one.ready = NOW
    assert chosen(one) == Call("generate", [one])


def test_a_window_waits_for_what_is_being_prepared_but_not_long() -> None:
    one = ready()
    assert chosen(one, expecting=True) == Later(NOW + LIMITS.wait)
    assert chosen(one, expecting=True, now=NOW + LIMITS.wait) == Call("generate", [one])


def test_a_full_batch_waits_for_nothing() -> None:
    full = [ready(turn) for turn in range(LIMITS.most)]
    assert chosen(*full, expecting=True) == Call("generate", full)


def test_windows_of_one_length_are_encoded_before_they_are_decoded_together() -> None:
    first, second, other = ready(0), ticket(2), ticket(1, frames=8)
    assert chosen(first, other, second) == Call("encode", [second])
    second.ready = NOW
    assert chosen(first, other, second) == Call("generate", [first, second])


def test_while_a_mate_is_encoded_elsewhere_another_bucket_has_its_turn() -> None:
    first, mate, other = ready(0), ticket(2), ticket(1, frames=8)
    assert chosen(first, other, encoding=(mate,)) == Call("encode", [other])
    # With nothing else to do nobody is kept waiting.
    assert chosen(first, encoding=(mate,)) == Call("generate", [first])


def test_no_more_than_fit_are_decoded_together() -> None:
    many = [ready(turn) for turn in range(5)]
    assert chosen(*reversed(many)) == Call("generate", many[:3])


@pytest.mark.parametrize(
    "other",
    [
        ready(1, frames=8),
        ready(1, prompt=7),
        ticket(1, ready=NOW, search=Search(5)),
        ticket(1, ready=NOW, engine=OTHER),
        ticket(1, ready=NOW, alone=True),
    ],
)
def test_what_does_not_fit_shares_no_call(other: Ticket) -> None:
    one = ready(0)
    assert chosen(one, other) == Call("generate", [one])


def test_who_must_be_alone_is() -> None:
    suspect, one = ticket(0, ready=NOW, alone=True), ready(1)
    assert chosen(suspect, one) == Call("generate", [suspect])


def test_the_urgent_go_first_and_do_not_wait_for_others_to_be_encoded() -> None:
    urgent, live = ready(9, URGENT), ticket(0)
    assert chosen(live, urgent) == Call("generate", [urgent])
    encoded = ready(1)
    assert chosen(encoded, urgent) == Call("generate", [urgent, encoded])


def test_what_has_waited_long_moves_up_but_not_among_the_urgent() -> None:
    old = ready(0, BACKFILL, frames=8)
    old.since = NOW - 5 * AGING
    live, urgent = ready(1, LIVE), ready(2, URGENT, frames=6)
    assert chosen(live, old) == Call("generate", [old])
    assert chosen(urgent, live, old) == Call("generate", [urgent])
    old.since = NOW
    assert chosen(live, old) == Call("generate", [live])


def test_an_engine_that_encodes_many_at_a_time_is_given_many() -> None:
    class Wide(ScriptedEngine):
        @property
        def encodes(self) -> int:
            return 16

    engine = Wide(str(Path("wide")))
    raw = [ticket(turn, engine=engine) for turn in range(5)]
    assert chosen(*raw) == Call("encode", raw[:3])


@pytest.mark.parametrize(
    ("lane", "in_hand", "free"),
    [("urgent", 0, 8), ("live", 0, 6), ("backfill", 0, 4), ("backfill", 4, 0), ("live", 4, 2)],
)
def test_places_are_kept_for_the_more_urgent(lane: Lane, in_hand: int, free: int) -> None:
    assert free_places(lane, in_hand, in_flight=8) == free


def test_a_single_place_is_anybodys() -> None:
    assert free_places("backfill", 0, in_flight=1) == 1
    assert free_places("urgent", 1, in_flight=1) == 0


def test_a_full_worker_asks_again_once_several_places_are_free() -> None:
    assert refill(48) == 6
    assert refill(1) == 1
