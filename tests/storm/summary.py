"""What a storm showed, for people."""

from collections.abc import Sequence

from tests.storm.filter_cost import Cost
from tests.storm.plan import Result

_SHOWN = 30
_MIB = 1024**2


def cost_rows(alone: Cost, among: Cost, clients: int) -> list[tuple[str, str]]:
    """What an event of one client costs, alone and among many."""
    shown = [
        (f"µs of the loop for an event of one in {clients}", among.loop, alone.loop),
        ("  of the process", among.process, alone.process),
    ]
    return [(n, f"{a:.0f}, alone {b:.0f} ({a / b:.2f} times)") for n, a, b in shown]


def lines(result: Result, costs: Sequence[tuple[str, str]] = ()) -> list[str]:
    """The figures, and the verdict."""
    rows = [
        ("clients", str(result.clients)),
        ("events", str(result.published)),
        ("deliveries", str(result.deliveries)),
        ("seconds", f"{result.seconds:.0f}"),
        ("deliveries a second", f"{result.deliveries / max(result.seconds, 1e-9):.0f}"),
        ("CPU of the service", f"{result.cpu:.0f} s"),
        ("connections", str(result.totals.connections)),
        ("  that the service rotated", str(result.totals.told)),
        ("  that the service cut", str(result.totals.cut)),
        *_sizes(result),
        *(_stalled(n, *each) for n, each in enumerate(result.stalled, 1)),
        ("end with all connected", f"{result.end:.2f} s"),
        *costs,
    ]
    width = max(len(name) for name, _ in rows)
    verdict = f"FAIL: {len(result.findings)} findings" if result.findings else "PASS"
    return [*(f"{name:<{width}}  {value}" for name, value in rows), verdict] + [
        f"  {finding}" for finding in result.findings[:_SHOWN]
    ]


def _sizes(result: Result) -> list[tuple[str, str]]:
    if not result.sizes:
        return []
    shown = ", ".join(f"{size / _MIB:.1f}" for size in result.sizes)
    grown = result.sizes[-1] / result.sizes[0] - 1
    return [("MiB after each part", f"{shown} ({grown:+.1%})")]


def _stalled(number: int, lasted: float, most: int) -> tuple[str, str]:
    return (
        f"stalled client {number}",
        f"gone after {lasted:.1f} s, at most {most} B in the kernel",
    )
