"""What a soak showed, for people."""

from collections import Counter

from tests.soak.run import Result

_SHOWN = 30
_MIB = 1024**2


def lines(result: Result) -> list[str]:
    """The figures, and the verdict."""
    rows = [
        ("seed", str(result.seed)),
        ("pieces", f"{result.pieces} of {len(result.outcomes)} kinds"),
        *_total(result),
        ("good, transcribed after", str(result.good)),
        ("dead letters", str(result.dead)),
        ("minutes", f"{result.seconds / 60:.1f}"),
        *_sizes(result),
    ]
    width = max(len(name) for name, _ in rows)
    verdict = f"FAIL: {len(result.findings)} findings" if result.findings else "PASS"
    return [*(f"{name:<{width}}  {value}" for name, value in rows), verdict] + [
        f"  {finding}" for finding in result.findings[:_SHOWN]
    ]


def _total(result: Result) -> list[tuple[str, str]]:
    total: Counter[str] = Counter()
    for outcomes in result.outcomes.values():
        total += outcomes
    return [(f"  {outcome}", str(count)) for outcome, count in sorted(total.items())]


def _sizes(result: Result) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, last in result.last.items():
        before = result.settled.get(name)
        change = f" (before: {before / _MIB:.1f}; {last / before - 1:+.1%})" if before else ""
        rows.append((f"MiB of {name}", f"{last / _MIB:.1f}{change}"))
    return rows
