"""What the supervisor does with a part that ended, and what it says of it."""

import pytest

from deploy.local.supervisor import GiveUp, PartFailed, Restart, after_end, failure
from shared.errors import SettingError


def end(exit_code: int, *, was_ready: bool = False, explained: bool = False, ends: int = 1):
    return after_end(exit_code, was_ready=was_ready, explained=explained, ends=ends)


def test_a_killed_part_is_started_again_at_once_and_always():
    assert end(-9) == Restart(0.1)
    assert isinstance(end(-9, ends=50, explained=True), Restart)


def test_the_wait_grows_up_to_a_limit():
    waits = [end(1, was_ready=True, ends=n) for n in range(1, 12)]
    assert waits[:3] == [Restart(0.1), Restart(0.2), Restart(0.4)]
    assert waits[-1] == Restart(10.0)


@pytest.mark.parametrize("code", [1, 2])
def test_a_part_that_says_why_it_cannot_start_is_given_up(code: int):
    assert end(code, explained=True) == GiveUp()


def test_a_part_that_was_never_ready_is_given_up_in_the_end():
    assert isinstance(end(1, ends=2), Restart)
    assert end(1, ends=3) == GiveUp()


def test_a_part_that_worked_once_is_never_given_up():
    assert isinstance(end(2, was_ready=True, explained=True, ends=99), Restart)


def test_the_reason_is_the_parts_own_if_it_gave_one():
    assert str(failure("stream", 2, ["{}", "stream: PORT=1 is taken"])) == "stream: PORT=1 is taken"


@pytest.mark.parametrize(("code", "kind"), [(2, SettingError), (1, PartFailed)])
def test_a_setting_that_is_not_allowed_stays_one(code: int, kind: type[Exception]):
    assert type(failure("stream", code, ["stream: PORT=1 is taken"])) is kind


def test_the_reason_is_the_logs_end_otherwise():
    found = failure("stream", 1, ["Traceback", "ZeroDivisionError"])
    assert isinstance(found, PartFailed)
    assert str(found) == "stream cannot start: exit code 1"
    assert found.log == ("Traceback", "ZeroDivisionError")
