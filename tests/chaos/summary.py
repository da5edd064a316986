"""The figures of a run, and whether it passed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.messages import Completed, Started
from tests.chaos.finding import Finding
from tests.chaos.history import History

_SHOWN = 20
"""Findings that are printed."""


@dataclass(frozen=True)
class Figures:
    """What cannot be had from the history."""

    seed: int
    seconds: float
    """From the first upload to the end."""
    answers: Counter[int]
    """Answers to uploads by their status."""
    broken: int
    """Uploads whose connection was refused or broke."""
    doors: Counter[str]
    """Accepted uploads by the door that they came through."""
    doubled: int
    """Uploads of what was accepted before."""
    kills: Counter[str]
    others: Counter[str]


@dataclass(frozen=True)
class Result:
    """A run that has been checked."""

    history: History
    figures: Figures
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def count(self, *kinds: str) -> int:
        """Findings of some kinds."""
        return sum(finding.kind in kinds for finding in self.findings)


def lines(result: Result) -> list[str]:
    """The summary, for people."""
    figures, history = result.figures, result.history
    starts = Counter(e.id for e in history.events if isinstance(e.event, Started))
    completed = sum(isinstance(e.event, Completed) for e in history.events)
    again = sum(count - 1 for count in history.traces.decoded.values())
    accepted = {asked.recording for asked in history.accepted}
    rows = (
        ("seed", figures.seed),
        ("seconds", round(figures.seconds)),
        ("recordings accepted", f"{len(accepted)}, {len(history.accepted)} versions asked for"),
        ("uploads answered", f"{_counts(figures.answers)}; {figures.broken} broken off"),
        ("doors", _counts(figures.doors)),
        ("uploads doubled", figures.doubled),
        ("completed", completed),
        ("poison", f"{len(history.poisoned) + len(history.planted)}, in DEAD {len(history.dead)}"),
        ("kills", f"{figures.kills.total()} ({_counts(figures.kills)})"),
        ("other disturbances", _counts(figures.others)),
        ("redeliveries", history.traces.redelivered),
        ("resumed versions", sum(count > 1 for count in starts.values())),
        ("fenced-off publishes", history.traces.fenced),
        ("chunks decoded", f"{history.traces.decoded_in_all}, again {again}"),
        ("texts told", len(history.told)),
        ("said of channels", len(history.said)),
        ("webhooks", f"{len(history.posts)} posts of {len({p.id for p in history.posts})} events"),
        ("SSE clients", len(history.clients)),
        ("SSE reconnects", sum(client.connections - 1 for client in history.clients)),
        ("SSE events seen", sum(len(client.seen) for client in history.clients)),
        ("gaps", sum(len(client.gaps) for client in history.clients)),
        ("duplicates", result.count("doubled")),
        ("lost", result.count("lost")),
    )
    width = max(len(name) for name, _ in rows)
    found = [f"  {finding}" for finding in result.findings[:_SHOWN]]
    if len(result.findings) > _SHOWN:
        found.append(f"  and {len(result.findings) - _SHOWN} more")
    verdict = "PASS" if result.passed else f"FAIL: {len(result.findings)} findings"
    return [*(f"{name:<{width}}  {value}" for name, value in rows), verdict, *found]


def _counts(counter: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"
