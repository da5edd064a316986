"""What may be said of a channel: every field, its limit, and how it is read.

The same table makes the OpenAPI description, and holds for what a file or a command says.
"""

from collections.abc import Callable, Mapping

import msgspec

from services.ingest import submission
from services.ingest.submission import TEXT, Field, line
from shared.channels import ChannelRecord, ChannelSettings
from shared.errors import BadInput
from shared.keeping import read_age

NAME = 128
"""Characters of a label, a tag, a group or a hotword."""
DESCRIPTION = 300
"""Characters of a description."""

_LINE = "at most {} characters, no control characters"
_AGE = "a number with s, m, h, d or w, such as 90d, or forever"
_SHARE = "a number from {:g} to {:g}"
_HOTWORDS = (
    f"a list of words or names, each of at most {NAME} characters and no control characters; with"
    f" a comma and a space between them at most {TEXT} characters"
)


def _like(name: str, description: str) -> Field:
    """A field that is read as an upload's."""
    field = submission.FIELDS[name]
    return Field(description, field.limit, field.example, field.read)


def _short(description: str, example: str, most: int = NAME) -> Field:
    return Field(description, _LINE.format(most), example, line(most))


def _share(description: str, example: str, least: float, most: float) -> Field:
    def read(value: str) -> float:
        if not least <= (found := float(value)) <= most:
            raise ValueError
        return found

    return Field(description, _SHARE.format(least, most), example, read)


FIELDS: Mapping[str, Field] = {
    "label": _short("Short name", "FD Disp"),
    "description": _short("Long name", "Fire Dispatch County", DESCRIPTION),
    "tag": _short("What it serves", "Fire Dispatch"),
    "group": _short("What it belongs to", "County Fire"),
    "language": _like("language", "ISO 639-1 code of what is spoken"),
    "prompt": _like("prompt", "Text that sets spelling and style"),
    "lane": _like("lane", "How soon its recordings are transcribed"),
    "speech_threshold": _share(
        "Probability from which a moment counts as speech", "0.6", 0.05, 0.95
    ),
    "least_confidence": _share(
        "A window whose text has less confidence gives none", "0.3", 0.0, 1.0
    ),
    "keep_audio": Field("Age at which its audio is deleted", _AGE, "30d", read_age),
    "keep_transcripts": Field(
        "Age at which its recordings are deleted, transcripts and all", _AGE, "forever", read_age
    ),
}
"""All but the hotwords, which are a list."""
HOTWORDS = Field(
    "Words to expect, such as names of units and streets", _HOTWORDS, "Birch Street", line(NAME)
)
Said = Mapping[str, str | float | list[str] | None]
"""What is said of a channel, by the names of `ChannelSettings`."""


def read_settings(said: Said) -> ChannelSettings:
    """What is said, in its one form; what is empty counts as absent.

    Raises BadInput, which names the field and its limit.
    """
    found: dict[str, object] = {}
    for name, value in said.items():
        if isinstance(value, list):
            found[name] = _read_hotwords(name, value)
        elif value is not None and (text := str(value).strip()):
            found[name] = _read(name, text)
    return msgspec.convert(found, ChannelSettings)


def changed(record: ChannelRecord, said: Said) -> ChannelRecord:
    """A channel of which something else is said; what is empty is taken away. Raises BadInput."""
    read = read_settings(said)
    return msgspec.structs.replace(record, **{name: getattr(read, name) for name in said})


def read_place(source: str, channel: str) -> tuple[str, str]:
    """The names of a source and a channel, as an upload has them. Raises BadInput."""
    given = {"source": source.strip(), "channel": channel.strip()}
    for name, text in given.items():
        if not text:
            raise BadInput(f"The {name} has no name.", field=name, limit="1 character or more")
    said = submission.read_fields(given)
    return said.source, said.channel


def _read_hotwords(name: str, words: list[str]) -> list[str]:
    read = _reading(name, HOTWORDS)
    found = [str(read(word)) for word in dict.fromkeys(word.strip() for word in words) if word]
    if len(", ".join(found)) > TEXT:
        raise BadInput(
            f"The field {name!r} holds {len(found)} words; allowed is: {_HOTWORDS}.",
            field=name,
            limit=_HOTWORDS,
        )
    return found


def _read(name: str, value: str) -> object:
    return _reading(name, FIELDS[name])(value)


def _reading(name: str, field: Field) -> Callable[[str], object]:
    def read(value: str) -> object:
        try:
            return field.read(value)
        except ValueError:
            shown = value if len(value) <= 40 else value[:40] + "…"
            raise BadInput(
                f"The field {name!r} holds {shown!r}; allowed is: {field.limit}.",
                field=name,
                limit=field.limit,
            ) from None

    return read
