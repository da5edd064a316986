"""Takes the channels of a file over: what the file says of them changes, all else stays.

read_file     what a file says
decide        pure: what is new, changed, the same or refused, by what is known
Importer      puts that into the bucket
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from services.ingest.channels.csv_file import read_csv
from services.ingest.channels.desk import NOTHING, Changed, ChannelDesk, Stored
from services.ingest.channels.found import Found, Refused, Row
from services.ingest.channels.order import changed, read_place
from services.ingest.channels.sdrtrunk_file import read_playlist
from shared.channels import ChannelRecord, key
from shared.errors import BadInput

Format = Literal["auto", "sdrtrunk", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
_AT_ONCE = 16
"""Channels that are put into the bucket at a time."""
_NO_SOURCE = "the file does not say whose it is: give --source"


@dataclass(frozen=True)
class Change:
    """A channel of a file that is new, or of which the file says something else."""

    line: int
    record: ChannelRecord
    revision: int
    """Of what is in the bucket; 0 if that is nothing."""


@dataclass(frozen=True)
class Decision:
    """What is to be done with a file."""

    added: list[Change] = field(default_factory=list[Change])
    changed: list[Change] = field(default_factory=list[Change])
    same: int = 0
    refused: list[Refused] = field(default_factory=list[Refused])

    @property
    def changes(self) -> list[Change]:
        """What has to be put into the bucket."""
        return [*self.added, *self.changed]


def read_file(data: bytes, format: Format) -> list[Row]:
    """What a file says, line by line. Raises BadInput if it is of no format that we know."""
    if format == "sdrtrunk" or (format == "auto" and _is_xml(data)):
        return read_playlist(data)
    return list(read_csv(data))


def _is_xml(data: bytes) -> bool:
    return data[:256].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def decide(rows: Iterable[Row], known: Mapping[str, Stored], source: str = "") -> Decision:
    """What is to be done with what a file says. `source`: whose it is, whatever the file says."""
    found = Decision()
    same = 0
    lines: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Refused):
            found.refused.append(row)
            continue
        try:
            place = _place(row, source)
            name = key(*place)
            if name in lines:
                raise BadInput(f"the channel stands in line {lines[name]} already", field="FILE")
            stored = known.get(name, NOTHING)
            record = changed(stored.record or _new(place), row.names)
        except BadInput as error:
            found.refused.append(Refused(row.line, str(error)))
            continue
        lines[name] = row.line
        if record == stored.record:
            same += 1
            continue
        kind = found.changed if stored.record else found.added
        kind.append(Change(row.line, record, stored.revision))
    return Decision(found.added, found.changed, same, found.refused)


def _place(row: Found, source: str) -> tuple[str, str]:
    if not (whose := source or row.source):
        raise BadInput(_NO_SOURCE, field="source")
    return read_place(whose, row.channel)


def _new(place: tuple[str, str]) -> ChannelRecord:
    return ChannelRecord(source=place[0], channel=place[1])


async def put_all(
    desk: ChannelDesk, changes: Iterable[Change], done: Callable[[], object]
) -> list[Refused]:
    """Put changes into the bucket; returns those of which somebody else said something meanwhile.

    `done` is called for each. Raises BusUnavailable: what was put stays, and is the same the next
    time.
    """
    waiting = iter(list(changes))
    refused: list[Refused] = []

    async def work() -> None:
        for change in waiting:
            try:
                await desk.put(change.record, change.revision)
            except Changed:
                refused.append(Refused(change.line, "somebody changed the channel at this moment"))
            done()

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return sorted(refused, key=lambda each: each.line)
