"""The pages of the history: a query of SQLite for what a caller wants, and what it found.

What callers say is bound to question marks; the text of a query is made of our own words alone.
"""
# ruff: noqa: S608

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any

import msgspec

from services.stream.found import LONGEST_TEXT, FoundRecording, RecordingPage, TextPart
from services.stream.history import ledger, rows
from services.stream.history.query import Wanted, token
from shared.keys import matches
from shared.messages import Recording, decode

_BEGIN, _END = "\x01", "\x02"
"""Around what was found; `rows.plain` has left none in the texts."""
_SNIPPET = f"snippet(words, 0, '{_BEGIN}', '{_END}', '…', 40)"
_TEXT = f"""CASE WHEN r.status = 'completed' THEN substr(b.text, 1, {LONGEST_TEXT + 1})
    ELSE (SELECT substr(group_concat(text, ' '), 1, {LONGEST_TEXT + 1}) FROM (
        SELECT text FROM segments AS s WHERE s.key = r.key AND s.number = r.version ORDER BY at))
    END"""
_COLUMNS = (
    "r.key, b.record, r.status, r.version, r.versions, r.corrected, r.confidence, r.language,"
    f" r.model, {_TEXT}, r.segments, r.audio_deleted"
)


@dataclass
class Conditions:
    """Conditions of a query, all of which must hold, and the values that go with them."""

    texts: list[str] = field(default_factory=list[str])
    values: list[object] = field(default_factory=list[object])

    def add(self, text: str, *values: object) -> None:
        """One more."""
        self.texts.append(text)
        self.values.extend(values)

    def __str__(self) -> str:
        return " AND ".join(self.texts) or "1"


def page(db: Connection, wanted: Wanted, review_below: float) -> RecordingPage:
    """The page that a caller wants, the newest first."""
    conditions = Conditions()
    _between(conditions, wanted)
    _as_wanted(conditions, wanted, review_below)
    _within(conditions, places_of(db, wanted))
    found = db.execute(_sql(wanted, conditions), [*conditions.values, wanted.limit + 1]).fetchall()
    more = len(found) > wanted.limit
    found = found[: wanted.limit]
    return RecordingPage(
        recordings=[_found(row, review_below) for row in found],
        next=token(found[-1][0]) if more else None,
        last_event_id=ledger.place(db).event_id,
    )


Compared = tuple[str, str, str, str | None, str, str]


def corrected(db: Connection, wanted: Wanted, most: int) -> list[Compared]:
    """What models made of recordings that were corrected: source, channel, model, prompt, the text
    as it was corrected, and theirs; the newest first."""
    conditions = Conditions()
    _between(conditions, wanted)
    _within(conditions, places_of(db, wanted))
    return db.execute(
        "SELECT p.source, p.channel, v.model, v.prompt, b.text, v.text FROM recordings AS r"
        " JOIN places AS p ON p.id = r.place JOIN bodies AS b USING (key) JOIN versions AS v"
        " USING (key) WHERE r.corrected = 1 AND v.status = 'completed' AND v.correction IS NULL"
        f" AND {conditions} ORDER BY r.key DESC LIMIT ?",
        [*conditions.values, most],
    ).fetchall()


def places_of(db: Connection, wanted: Wanted) -> list[int] | None:
    """The channels that a caller wants and may know of; None for all of them."""
    if not (wanted.sources or wanted.channels or wanted.limits):
        return None
    return [
        id
        for id, source, channel in db.execute("SELECT id, source, channel FROM places")
        if _any(wanted.sources, source)
        and _any(wanted.channels, channel)
        and (not wanted.limits or any(limit.holds(source, channel) for limit in wanted.limits))
    ]


def _within(conditions: Conditions, places: list[int] | None) -> None:
    if places is None:
        return
    if len(places) == 1:  # which an index has in the order of time
        conditions.add("r.place = ?", *places)
    else:
        conditions.add("r.place IN (SELECT value FROM json_each(?))", json.dumps(places))


def _any(patterns: Iterable[str], name: str) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(matches(pattern, name) for pattern in patterns)


def _sql(wanted: Wanted, conditions: Conditions) -> str:
    # Keys are in the order of time, and so are the rows of the index of words: nothing is sorted,
    # and nothing is looked at beyond the page. CROSS JOIN keeps SQLite from turning that around.
    if wanted.q:
        return (
            f"SELECT {_COLUMNS}, {_SNIPPET} FROM words CROSS JOIN recordings AS r"
            " ON r.key = words.rowid CROSS JOIN bodies AS b ON b.key = r.key"
            f" WHERE {conditions} ORDER BY words.rowid DESC LIMIT ?"
        )
    return (
        f"SELECT {_COLUMNS}, '' FROM recordings AS r CROSS JOIN bodies AS b ON b.key = r.key"
        f" WHERE {conditions} ORDER BY r.key DESC LIMIT ?"
    )


def _between(conditions: Conditions, wanted: Wanted) -> None:
    key = "r.key"
    if wanted.q:
        key = "words.rowid"
        conditions.add("words MATCH ?", wanted.q)
    if wanted.cursor is not None:
        conditions.add(f"{key} < ?", wanted.cursor)
    if wanted.since is not None:
        since = rows.microseconds(wanted.since)
        conditions.add(f"{key} >= ? AND r.time >= ?", rows.first_key(since), since)
    if wanted.until is not None:
        until = rows.microseconds(wanted.until)
        last = rows.first_key(until) + rows.KEYS_OF_A_MOMENT
        conditions.add(f"{key} <= ? AND r.time < ?", last, until)


def _as_wanted(conditions: Conditions, wanted: Wanted, review_below: float) -> None:
    if wanted.statuses:
        marks = ", ".join("?" * len(wanted.statuses))
        conditions.add(f"r.status IN ({marks})", *sorted(wanted.statuses))
    if wanted.min_confidence is not None:
        conditions.add("r.confidence >= ?", wanted.min_confidence)
    if wanted.max_confidence is not None:
        conditions.add("r.confidence <= ?", wanted.max_confidence)
    if wanted.corrected is not None:
        conditions.add("r.corrected = ?", int(wanted.corrected))
    if wanted.needs_review is not None:
        doubt = "r.corrected = 0 AND r.confidence < ?"
        if not wanted.needs_review:
            doubt = f"(({doubt}) IS NOT TRUE)"
        conditions.add(doubt, review_below)


def _found(row: tuple[Any, ...], review_below: float) -> FoundRecording:
    (
        _,
        record,
        status,
        version,
        versions,
        corrected,
        confidence,
        language,
        model,
        text,
        segments,
        audio_deleted,
        snippet,
    ) = row
    text = text or ""
    return FoundRecording(
        **msgspec.structs.asdict(decode(record, Recording)),
        status=status,
        version=version,
        versions=versions,
        corrected=bool(corrected),
        confidence=confidence,
        needs_review=not corrected and confidence is not None and confidence < review_below,
        language=language,
        model=model,
        text=text[:LONGEST_TEXT],
        text_cut=len(text) > LONGEST_TEXT,
        segments=segments,
        snippet=parts(snippet),
        audio_deleted=None if audio_deleted is None else rows.time_of(audio_deleted),
    )


def parts(marked: str) -> list[TextPart]:
    """A text by its marks."""
    found: list[TextPart] = []
    for at, piece in enumerate(marked.split(_BEGIN)):
        match, _, rest = piece.partition(_END) if at else ("", "", piece)
        found += [TextPart(text=match, match=True)] if match else []
        found += [TextPart(text=rest, match=False)] if rest else []
    return found
