"""What a soak showed, for people."""

from collections import Counter

from tests.soak.run import Result
from tests.soak.site import SERVICES

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
    for name in SERVICES if result.sizes else ():
        sizes = [sizes[name] for sizes in result.sizes.values()]
        shown = ", ".join(f"{size / _MIB:.1f}" for size in sizes)
        rows.append((f"MiB of {name}", f"{shown} ({sizes[-1] / sizes[0] - 1:+.1%})"))
    return rows
