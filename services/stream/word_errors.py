"""`GET /v1/stats/wer`: how many words the models get wrong, by what people corrected.

What people corrected is the reference. Case, punctuation and white space do not count; the words
are aligned by jiwer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import Annotated

import jiwer
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from services.stream.history import search
from services.stream.history.keeper import History
from services.stream.history.query import Wanted, parse
from shared.http.auth import require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.http.query import pairs
from shared.keys import Credential

MOST = 20_000
"""Transcripts that are compared, the newest first."""
_NAMES = ("source", "channel", "since", "until")
_NO_WORD = re.compile(r"[^\w\s']+")
_Group = tuple[str, str, str, str | None]


class WordErrorRate(Struct, frozen=True, kw_only=True):
    """How a model does on a channel."""

    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    model: Annotated[str, Meta(description="Model that made the versions")]
    prompt: Annotated[
        str | None, Meta(description="Prompt that was asked for; null: the worker's own")
    ]
    recordings: Annotated[int, Meta(description="Recordings that were compared")]
    words: Annotated[int, Meta(description="Words that were said, as people corrected them")]
    substitutions: Annotated[int, Meta(description="Words that were taken for others")]
    deletions: Annotated[int, Meta(description="Words that were not heard")]
    insertions: Annotated[int, Meta(description="Words that were heard and not said")]
    wer: Annotated[
        float | None,
        Meta(description="Errors for each word that was said: 0 is perfect; null without words"),
    ]


class WordErrorRates(Struct, frozen=True, kw_only=True):
    """How the models do."""

    rates: Annotated[list[WordErrorRate], Meta(description="By channel, model and prompt")]
    compared: Annotated[int, Meta(description="Transcripts that were compared")]
    cut: Annotated[
        bool, Meta(description=f"Whether there are more: only the newest {MOST} are compared")
    ]


_EXAMPLE = WordErrorRates(
    rates=[
        WordErrorRate(
            source="county",
            channel="fire",
            model="medium.en",
            prompt=None,
            recordings=12,
            words=418,
            substitutions=19,
            deletions=6,
            insertions=4,
            wer=0.069378,
        )
    ],
    compared=12,
    cut=False,
)


@get(
    "/v1/stats/wer",
    summary="Word error rates",
    tags=["status"],
    opt=require("read"),
    responses={200: shown(_EXAMPLE, "How the models do"), **problems(400, 401, 503)},
)
async def word_errors(
    request: Request[object, object, State],
    history: NamedDependency[History],
    credential: NamedDependency[Credential],
    source: Annotated[list[str] | None, QueryParameter(description="Who recorded it")] = None,
    channel: Annotated[list[str] | None, QueryParameter(description="Stream of the source")] = None,
    since: Annotated[
        str | None, QueryParameter(description="Recorded at or after; RFC 3339")
    ] = None,
    until: Annotated[str | None, QueryParameter(description="Recorded before; RFC 3339")] = None,
) -> WordErrorRates:
    """Compare what models made with what people corrected, to judge a model or a prompt by.

    Only recordings that somebody corrected are compared; correct some without an error too (send
    no segments), or the rates are those of the bad ones alone.
    """
    del source, channel, since, until
    wanted = parse(pairs(request.scope["query_string"]), _NAMES)
    wanted = replace(wanted, limits=credential.limits)
    return await history.read(lambda db: rates(db, wanted))


@dataclass
class Tally:
    """Errors, summed up."""

    recordings: int = 0
    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def add(self, said: str, heard: str) -> None:
        """Compare one transcript with what was said."""
        reference, hypothesis = normal(said), normal(heard)
        self.recordings += 1
        self.words += len(reference.split())
        if not reference or not hypothesis:
            self.insertions += len(hypothesis.split())
            self.deletions += len(reference.split())
            return
        found = jiwer.process_words(reference, hypothesis)
        self.substitutions += found.substitutions
        self.deletions += found.deletions
        self.insertions += found.insertions

    @property
    def rate(self) -> float | None:
        """Errors for each word; None without words."""
        errors = self.substitutions + self.deletions + self.insertions
        return round(errors / self.words, 6) if self.words else None


def rates(db: Connection, wanted: Wanted) -> WordErrorRates:
    """The rates of what a caller wants."""
    found = search.corrected(db, wanted, MOST + 1)
    groups: dict[_Group, Tally] = {}
    for source, channel, model, prompt, said, heard in found[:MOST]:
        groups.setdefault((source, channel, model, prompt), Tally()).add(said, heard)
    return WordErrorRates(
        rates=list(_rates(groups.items())),
        compared=min(len(found), MOST),
        cut=len(found) > MOST,
    )


def normal(text: str) -> str:
    """The words alone, in lower case."""
    return " ".join(_NO_WORD.sub(" ", text.casefold()).split())


def _rates(groups: Iterable[tuple[_Group, Tally]]) -> Iterable[WordErrorRate]:
    for (source, channel, model, prompt), tally in sorted(
        groups, key=lambda each: (each[0][:3], each[0][3] or "")
    ):
        yield WordErrorRate(
            source=source,
            channel=channel,
            model=model,
            prompt=prompt,
            recordings=tally.recordings,
            words=tally.words,
            substitutions=tally.substitutions,
            deletions=tally.deletions,
            insertions=tally.insertions,
            wer=tally.rate,
        )
