"""How often somebody may call."""

import pytest

from shared.errors import SettingError
from shared.rate import Left, Limiter, Rate, rate, read_rate
from shared.settings import AccessSettings, load


class Clock:
    """Time that goes on by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.mark.parametrize(
    ("written", "form", "meant"),
    [
        ("300/minute", "300/minute", Rate(300, 60)),
        ("300 / Minute", "300/minute", Rate(300, 60)),
        ("5 per second", "5/second", Rate(5, 1)),
        ("100 per 1 hour", "100/hour", Rate(100, 3600)),
        ("50/10 seconds", "50/10 seconds", Rate(50, 10)),
        ("1000 per day", "1000/day", Rate(1000, 86_400)),
        ("off", "off", None),
        ("0", "off", None),
    ],
)
def test_a_rate_is_read(written: str, form: str, meant: Rate | None) -> None:
    assert read_rate(written) == form
    assert rate(form) == meant
    assert load(AccessSettings, {"FLASK_RATE_LIMIT": written}).rate_limit == form


@pytest.mark.parametrize(
    "written",
    ["300", "minute", "0/minute", "5/0 seconds", "10/minute;100/hour", "-1/second", "x/day"],
)
def test_what_is_no_rate_is_refused(written: str) -> None:
    with pytest.raises(SettingError, match=r"ECHOBASE_RATE_LIMIT=.*300/minute"):
        load(AccessSettings, {"ECHOBASE_RATE_LIMIT": written})


def test_a_bucket_holds_what_the_rate_says_and_fills_again() -> None:
    clock = Clock()
    limiter = Limiter(Rate(3, 60), clock)
    assert [limiter.take("a") for _ in range(4)] == [
        Left(2, 20.0, 0.0),
        Left(1, 40.0, 0.0),
        Left(0, 60.0, 0.0),
        Left(0, 60.0, 20.0),
    ]
    assert limiter.take("b") == Left(2, 20.0, 0.0)
    clock.time += 19.9
    found = limiter.take("a")
    assert found
    assert found.next_in > 0
    clock.time += 0.2
    found = limiter.take("a")
    assert found
    assert (found.calls, found.next_in) == (0, 0.0)
    clock.time += 3600
    assert limiter.take("a") == Left(2, 20.0, 0.0)


def test_without_a_rate_nobody_is_counted() -> None:
    limiter = Limiter(None)
    assert [limiter.take("a") for _ in range(1000)] == [None] * 1000


def test_memory_is_bounded_however_many_call() -> None:
    clock = Clock()
    limiter = Limiter(Rate(2, 60), clock)
    for n in range(30_000):
        limiter.take(f"caller {n}")
    assert limiter.known <= 10_000
    busy = limiter.take("caller 29999")
    assert busy
    assert busy.calls == 0
