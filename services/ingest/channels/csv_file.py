"""Talkgroups as CSV: trunk-recorder's talkgroup file, and RadioReference's export.

Columns are taken by their header, for the order differs from program to program:

    trunk-recorder    Decimal, Hex, Alpha Tag, Mode, Description, Tag, Category, Priority
    RadioReference    Decimal, Hex, Alpha Tag, Mode, Description, Tag, Category
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping

from services.ingest.channels.found import Found, Refused, Row, talkgroup
from shared.errors import BadInput

_NUMBER = "channel"
_COLUMNS: Mapping[str, str] = {
    "decimal": _NUMBER,
    "dec": _NUMBER,
    "tgid": _NUMBER,
    "tgnumber": _NUMBER,
    "talkgroup": _NUMBER,
    "alphatag": "label",
    "description": "description",
    "tag": "tag",
    "category": "group",
    "group": "group",
}
"""What a column is, by its header in small letters, without spaces."""
_DELIMITERS = ",;\t"
"""Spreadsheets of some countries write another one than the comma."""
_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""The last one reads anything."""
_WANTED = "a first line that names the columns: Decimal, and Alpha Tag or Description"


def read_csv(data: bytes) -> Iterator[Row]:
    """The channels of a file. Raises BadInput if it is no such file."""
    text = _text(data)
    start, columns, delimiter = _header(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(line, f"no CSV: {error}")
            continue
        if line > start and any(cell.strip() for cell in cells):
            yield _row(line, columns, cells)


def _row(line: int, columns: Mapping[int, str], cells: list[str]) -> Row:
    said = {name: cells[at].strip() for at, name in columns.items() if at < len(cells)}
    number = said.pop(_NUMBER, "")
    channel = talkgroup(number)
    if channel is None:
        return Refused(line, f"{number[:40]!r} is no talkgroup's number")
    return Found(line, channel, names={name: text for name, text in said.items() if text})


def _header(text: str) -> tuple[int, Mapping[int, str], str]:
    """The line of the header, what its columns are, and what stands between them."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        for delimiter in _DELIMITERS:
            names = [re.sub(r"[\W_]", "", cell).lower() for cell in line.split(delimiter)]
            columns = {at: _COLUMNS[name] for at, name in enumerate(names) if name in _COLUMNS}
            kinds = set(columns.values())
            if _NUMBER in kinds and kinds & {"label", "description"}:
                return number, columns, delimiter
        break
    raise BadInput(f"The file has not {_WANTED}.", field="FILE", limit=_WANTED)


def _text(data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 reads anything")
