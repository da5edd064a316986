"""What a caller of OpenAI's routes asks for, checked: what cannot be honored is refused. Pure."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast, get_args

from services.ingest.openai.errors import MissingParameter, UnknownParameter, Unsupported
from services.ingest.submission import FIELDS, FILE, Description, read_fields
from shared.errors import BadInput

Task = Literal["transcribe", "translate"]
Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[Format, ...] = get_args(Format)
DEFAULT_MODEL = "whisper-1"
"""The name by which OpenAI's clients ask for the model that the site's transcribers have loaded."""

GRANULARITIES = "timestamp_granularities"
_STREAMED = ("json", "text")
_OURS = ("language", "prompt", "source", "channel", "start", "lane", "metadata", "correlation_id")
"""Fields that mean what they mean in an upload."""
_LISTS = (
    GRANULARITIES,
    "include",
    "keywords",
    "languages",
    "known_speaker_names",
    "known_speaker_references",
)
_REFUSED: Mapping[str, str] = {
    "include": "no log probabilities of tokens are kept",
    "known_speaker_names": "speakers are not told apart",
    "known_speaker_references": "speakers are not told apart",
}
PARAMETERS: tuple[str, ...] = (
    "model",
    "response_format",
    "stream",
    "temperature",
    "chunking_strategy",
    "hotwords",
    *_LISTS,
    *_OURS,
)
"""Every parameter that is known, those that are refused included."""

Given = Mapping[str, Sequence[str]]
"""A form's fields, by their names without `[]`, with what each was given."""


@dataclass(frozen=True)
class Asked:
    """A request that can be granted."""

    said: Description
    """What is kept of it."""
    form: Format = "json"
    words: bool = False
    """Whether `verbose_json` lists words."""
    segments: bool = False
    """Whether `verbose_json` lists segments."""
    stream: bool = False

    @property
    def model(self) -> str | None:
        """The model's name; None for the site's own."""
        return self.said.options.model


def parameter(name: str) -> str:
    """The parameter that a form's field belongs to. Raises UnknownParameter.

    Clients write lists as `name[]`, and objects as `name[key]`.
    """
    plain = name.partition("[")[0]
    if plain in (*PARAMETERS, FILE):
        return plain
    allowed = ", ".join((FILE, *PARAMETERS))
    raise UnknownParameter(
        f"Unknown parameter: {plain[:80]!r}. Known are {allowed}.", field=plain[:80], limit=allowed
    )


def read(given: Given, task: Task, filename: str = "") -> Asked:
    """What the fields of a form ask for.

    Raises BadInput, which names the parameter.
    """
    one = {name: _one(name, values) for name, values in given.items() if name not in _LISTS}
    many = {name: [v.strip() for v in given.get(name, ()) if v.strip()] for name in _LISTS}
    if not one.get("model"):
        raise MissingParameter("You must provide a model parameter.", field="model")
    _refuse(one, many)
    form = _form(one.get("response_format", ""))
    granularities = _granularities(many[GRANULARITIES], form)
    stream = _stream(one.get("stream", ""), form)
    fields = {name: one[name] for name in _OURS if name in one}
    fields |= _language(fields.get("language", ""), many["languages"])
    fields |= {
        "hotwords": ", ".join(filter(None, [one.get("hotwords", ""), *many["keywords"]])),
        "model": "" if one["model"] == DEFAULT_MODEL else one["model"],
        "words": str("word" in granularities).lower(),
        "task": task,
        "filename": _filename(filename),
    }
    return Asked(
        said=read_fields(fields),
        form=form,
        words="word" in granularities,
        segments="segment" in granularities,
        stream=stream,
    )


def _one(name: str, values: Sequence[str]) -> str:
    if len(values) > 1 and name != "chunking_strategy":
        raise BadInput(f"The parameter {name!r} is given twice.", field=name, limit="once")
    return values[0].strip()


def _refuse(one: Mapping[str, str], many: Mapping[str, Sequence[str]]) -> None:
    for name, why in _REFUSED.items():
        if many[name]:
            raise Unsupported(f"The parameter {name!r} cannot be honored: {why}.", field=name)
    if not _is_zero(one.get("temperature", "")):
        raise Unsupported(
            "Of 'temperature' only 0 is possible: the same audio always gives the same text.",
            field="temperature",
            limit="0",
        )
    if one.get("chunking_strategy", "") not in ("", "auto"):
        raise Unsupported(
            "Of 'chunking_strategy' only 'auto' is possible: audio is always cut at its pauses.",
            field="chunking_strategy",
            limit="auto",
        )


def _is_zero(value: str) -> bool:
    try:
        return float(value or "0") == 0
    except ValueError:
        return False


def _form(value: str) -> Format:
    if (value or "json") not in FORMATS:
        limit = ", ".join(FORMATS)
        raise Unsupported(
            f"The response_format {value[:40]!r} is not possible; possible are {limit}.",
            field="response_format",
            limit=limit,
        )
    return cast(Format, value or "json")


def _granularities(values: Sequence[str], form: Format) -> Sequence[str]:
    for value in values:
        if value not in ("word", "segment"):
            raise Unsupported(
                f"There is no timestamp granularity {value[:40]!r}; there are word, segment.",
                field=GRANULARITIES,
                limit="word, segment",
            )
    if values and form != "verbose_json":
        raise Unsupported(
            f"{GRANULARITIES!r} needs the response_format 'verbose_json': no other has times for"
            " them.",
            field=GRANULARITIES,
            limit="verbose_json",
        )
    return values or (["segment"] if form == "verbose_json" else [])


def _stream(value: str, form: Format) -> bool:
    given = value.lower()
    if given not in ("", "true", "1", "false", "0"):
        raise BadInput(
            f"The parameter 'stream' holds {value[:40]!r}; allowed are true, false.",
            field="stream",
            limit="true, false",
        )
    stream = given in ("true", "1")
    if stream and form not in _STREAMED:
        raise Unsupported(
            f"What is streamed has no response_format {form!r}: its events hold plain text.",
            field="response_format",
            limit=", ".join(_STREAMED),
        )
    return stream


def _language(one: str, several: Sequence[str]) -> Mapping[str, str]:
    """One language, by whichever parameter."""
    named = {name.lower() for name in (one, *several) if name}
    if len(named) > 1:
        raise Unsupported(
            "Only one language can be named: detection cannot be held to several.",
            field="languages",
            limit="one",
        )
    return {"language": named.pop()} if named else {}


def _filename(name: str) -> str:
    # A name is no reason to refuse what it names.
    read_name = cast(Callable[[str], str], FIELDS["filename"].read)
    with suppress(ValueError):
        return read_name(name)
    return ""
