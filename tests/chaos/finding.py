"""One thing that is wrong with a run."""

from typing import Literal, NamedTuple

Kind = Literal[
    "lost",
    "doubled",
    "disordered",
    "transcript",
    "client",
    "gap",
    "decoded again",
    "dead letter",
    "orphan",
    "left over",
    "fence",
    "refused",
    "answer",
    "metadata",
    "channel",
    "webhook",
    "impolite",
]


class Finding(NamedTuple):
    """One thing that is wrong."""

    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"
