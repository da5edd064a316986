"""The parts of the documentation that are made from the code: settings, events, fields.

    python -m shared.reference

writes them into `README.md` (between `<!-- name -->` and `<!-- /name -->`) and `.env.example` of
the working directory. A test fails when they are not what this would write.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from shared import messages, settings
from shared.guards import Guards
from shared.settings import Settings, Variable

STRUCTS: Mapping[str, type[Struct]] = {
    "Submission": messages.Submission,
    "Every event": messages.EventBase,
    "`queued`": messages.Queued,
    "`started`": messages.Started,
    "`segment`": messages.Segment,
    "`completed`": messages.Completed,
    "`failed`": messages.Failed,
    "`corrected`": messages.Corrected,
    "`refused`": messages.Refused,
    "`deleted`": messages.Deleted,
    "Plan": messages.Plan,
    "Guards": Guards,
    "Options": messages.Options,
    "Word": messages.Word,
    "`transcript.json`": messages.Transcript,
    "TranscriptSegment": messages.TranscriptSegment,
}


def settings_tables() -> str:
    """A table of variables for each concern."""
    return "\n\n".join(_settings_table(kind) for kind in settings.ALL)


def message_tables() -> str:
    """A table of fields for every event, for what events hold, and for the transcript."""
    shared_fields = {field.name for field in msgspec.structs.fields(messages.EventBase)}
    return "\n\n".join(
        f"**{title}**: {_first_line(kind)}\n\n"
        + fields_table(kind, shared_fields if _is_event(kind) else set())
        for title, kind in STRUCTS.items()
    )


def env_example() -> str:
    """Every variable with its default, commented out."""
    lines = ["# Copy to `.env` and take away the # of what you change. Made by shared.reference."]
    for kind in settings.ALL:
        lines += ["", f"# --- {_first_line(kind)}"]
        for variable in settings.variables(kind):
            lines += [f"# {variable.description}", f"#{variable.names[0]}={_default(variable)}"]
    return "\n".join(lines) + "\n"


def fields_table(kind: type[Struct], without: set[str]) -> str:
    """The fields of a message but for those named; a field with a default may be absent."""
    hints = get_type_hints(kind, include_extras=True)
    rows = ["| Field | Type | Meaning |", "|---|---|---|"]
    if kind in (messages.EventBase, messages.Refused, messages.Deleted):
        rows.append("| `type` | text | Which event it is |")
    for field in msgspec.structs.fields(kind):
        if field.name in without:
            continue
        name = f"`{field.encode_name}`" + ("" if field.required else " (may be absent)")
        rows.append(f"| {name} | {_type(hints[field.name])} | {description(hints[field.name])} |")
    return "\n".join(rows) if len(rows) > 2 else "No fields of its own."


def description(hint: object) -> str:
    """What an annotation says of its field; empty if it says nothing.

    The last one counts: a type's own, such as that of seconds, comes first.
    """
    found = [m.description for m in _metas(hint) if m.description]
    return found[-1] if found else ""


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """The text with each block's content renewed. Raises ValueError if it has no such block."""
    for name, content in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda m, new=content: f"{m[1]}{new}\n{m[2]}", text)
        if count != 1:
            raise ValueError(f"{count} blocks are named {name!r}")
    return text


def blocks() -> Mapping[str, str]:
    """The made parts of the README, by name."""
    return {"settings": settings_tables(), "messages": message_tables()}


def _settings_table(kind: type[Settings]) -> str:
    rows = [f"{_first_line(kind)}", "", "| Variable | Default | Meaning |", "|---|---|---|"]
    hints = get_type_hints(kind)
    for variable in settings.variables(kind):
        default = _default(variable)
        if get_origin(hints[variable.field]) is Literal:
            meaning = f"{variable.description}: {_type(hints[variable.field])}"
        else:
            meaning = variable.description
        older = ", ".join(f"`{name}`" for name in variable.names[1:])
        meaning += f" (also {older})" if older else ""
        rows.append(f"| `{variable.names[0]}` | {f'`{default}`' if default else ''} | {meaning} |")
    return "\n".join(rows)


def _default(variable: Variable) -> str:
    # A program reads either case; people expect the lower one.
    return variable.default.lower() if variable.default in ("True", "False") else variable.default


def _is_event(kind: type[Struct]) -> bool:
    return issubclass(kind, messages.EventBase) and kind is not messages.EventBase


def _first_line(kind: type[Struct]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _metas(hint: object) -> list[Meta]:
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return _metas(inner) + [extra for extra in extras if isinstance(extra, Meta)]
    return []


def _type(hint: object) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        kinds = [_type(a) for a in arguments if a is not NoneType]
        return " or ".join([*kinds, *(["null"] if NoneType in arguments else [])])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    return _plain(cast(type, origin or hint))


def _plain(kind: type) -> str:
    if issubclass(kind, Struct):
        return kind.__name__
    names = {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}
    names["bytes"] = "base64 text"
    return {"datetime": "RFC 3339 time", "dict": "object", **names}[kind.__name__]


def main() -> None:
    """Renew README.md and .env.example in the working directory."""
    readme = Path("README.md")
    readme.write_text(fill(readme.read_text("utf-8"), blocks()), "utf-8")
    Path(".env.example").write_text(env_example(), "utf-8")


if __name__ == "__main__":
    main()
