"""What to do with a job that did not succeed: a pure decision, performed by the worker's loop."""

from dataclasses import dataclass

from shared.errors import BadInput, CannotSucceed, EchoBaseError, FenceLost, ModelAway


@dataclass(frozen=True)
class RetryAfter:
    """Hand the job back, to be delivered again after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class DeadLetter:
    """Put the job into the dead letters, announce it, then remove it."""

    code: str
    reason: str


@dataclass(frozen=True)
class Abandon:
    """Touch nothing: another worker owns the version, and any answer would be for its delivery."""


Decision = RetryAfter | DeadLetter | Abandon


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a job is tried again."""

    attempts: int = 5
    """Attempts before the dead letters; an attempt is a `started` with nothing after it."""
    first: float = 1.0
    """Seconds before the second attempt; doubled for each further one."""
    longest: float = 60.0
    """Seconds; no wait is longer."""

    def wait(self, attempt: int) -> float:
        """Seconds to wait after the given attempt, counted from 1."""
        return min(self.longest, self.first * 2.0 ** (attempt - 1))


def decide(error: BaseException, attempt: int, policy: RetryPolicy) -> Decision:
    """What to do after the given attempt, counted from 1, ended in `error`."""
    match error:
        case FenceLost():
            return Abandon()
        case ModelAway() if attempt < policy.attempts:
            return RetryAfter(policy.wait(attempt))
        case CannotSucceed() | BadInput():
            return DeadLetter(error.code, str(error))
        case _ if attempt >= policy.attempts:
            code = error.code if isinstance(error, EchoBaseError) else "too-many-attempts"
            return DeadLetter(code, f"{type(error).__name__}: {error} (attempt {attempt})")
        case _:
            return RetryAfter(policy.wait(attempt))
