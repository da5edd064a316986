"""`wait=` of an upload: for how many seconds the caller waits for the transcript."""

from collections.abc import Sequence

from shared.errors import BadInput

WAIT = "wait"
"""Its name in the query."""


def take_out(
    query: Sequence[tuple[str, str]], longest: float
) -> tuple[float, list[tuple[str, str]]]:
    """The seconds that a query asks for, 0 if none, and what else it says.

    `longest`: seconds that are allowed. Raises BadInput, which names the field and its limit.
    """
    given = [value for name, value in query if name == WAIT]
    rest = [(name, value) for name, value in query if name != WAIT]
    if len(given) > 1:
        raise BadInput(f"The field {WAIT!r} is given twice.", field=WAIT, limit="once")
    return (_seconds(given[0], longest) if given else 0.0), rest


def _seconds(text: str, longest: float) -> float:
    try:
        seconds = float(text.strip() or "0")
    except ValueError:
        seconds = -1.0
    if 0 <= seconds <= longest:
        return seconds
    limit = f"0 to {longest:g} seconds"
    raise BadInput(
        f"The field {WAIT!r} holds {text[:40]!r}; allowed is: {limit} (ECHOBASE_LONGEST_WAIT).",
        field=WAIT,
        limit=limit,
    )
