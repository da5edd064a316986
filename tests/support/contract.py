"""The AsyncAPI document as a judge of messages: what of one is not as the document says."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

import yaml
from jsonschema import Draft7Validator, FormatChecker

from tests.support.repository import ROOT

PLACE = ROOT / "docs/asyncapi.yaml"
SPECIFICATION = Path(__file__).parent / "asyncapi_3_0/schema.json"
Json = dict[str, object]

_formats = FormatChecker(())


@_formats.checks("date-time", ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Contract:
    """A document, and what it says of messages."""

    def __init__(self, text: str) -> None:
        """`text`: the document's YAML."""
        self.document: Json = yaml.safe_load(text)

    def part(self, *path: str) -> Json:
        """A part of the document, by its place; references on the way are followed."""
        found = self.document
        for name in path:
            found = self._resolved(cast(Json, found[name]))
        return found

    def invalid(self) -> list[str]:
        """What of the document is not AsyncAPI 3.0, by the specification's own schema."""
        return _errors(json.loads(SPECIFICATION.read_bytes()), self.document)

    def dangling(self) -> list[str]:
        """References that lead nowhere."""
        return [each for each in _references(self.document) if self._find(each) is None]

    def channel_of(self, subject: str) -> str | None:
        """The name of the channel that a message's subject belongs to."""
        for name, channel in self.part("channels").items():
            address = cast(Json, channel)["address"]
            if isinstance(address, str) and re.fullmatch(_pattern(address), subject):
                return name
        return None

    def faults(self, subject: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What of a message is not as documented: its subject, headers, fields and their types."""
        if (channel := self.channel_of(subject)) is None:
            return [f"no channel has the subject {subject}"]
        [name] = self.part("channels", channel, "messages")
        place = ("channels", channel, "messages", name)
        return [
            *self.schema_faults(self.part(*place, "headers"), dict(headers), "header"),
            *self.schema_faults(self.part(*place, "payload"), json.loads(body), "field"),
        ]

    def schema_faults(self, schema: Json, found: object, what: str) -> list[str]:
        """What of a value a schema does not allow, or does not know."""
        whole = {**schema, "components": self.document["components"]}
        return [
            *(f"{what} {error}" for error in _errors(whole, found)),
            *(f"{what} {name} is not documented" for name in self._unknown(schema, found, "$")),
        ]

    def _unknown(self, schema: Json, found: object, place: str) -> Iterator[str]:
        """Fields that no schema names, however deep."""
        known = list(self._alternatives(schema))
        if isinstance(found, dict):
            fields = [cast(Json, each["properties"]) for each in known if "properties" in each]
            for name, value in cast(Json, found).items() if fields else ():
                named = [cast(Json, each[name]) for each in fields if name in each]
                if named:
                    yield from self._unknown(named[0], value, f"{place}.{name}")
                else:
                    yield f"{place}.{name}"
        elif isinstance(found, list):
            items = [cast(Json, each["items"]) for each in known if "items" in each]
            for index, value in enumerate(cast(list[object], found)):
                yield from self._unknown(items[0], value, f"{place}[{index}]")

    def _alternatives(self, schema: Json) -> Iterator[Json]:
        whole = self._resolved(schema)
        yield whole
        for each in [*_list(whole, "anyOf"), *_list(whole, "allOf")]:
            yield from self._alternatives(each)

    def _resolved(self, part: Json) -> Json:
        while isinstance(reference := part.get("$ref"), str):
            part = cast(Json, self._find(reference))
        return part

    def _find(self, reference: str) -> object:
        found: Json | None = self.document
        for name in reference.removeprefix("#/").split("/"):
            found = cast(Json | None, (found or {}).get(name))
        return found


def contract() -> Contract:
    """That of the file in `docs/`."""
    return Contract(PLACE.read_text("utf-8"))


def _list(schema: Json, name: str) -> list[Json]:
    return cast(list[Json], schema.get(name, []))


def _errors(schema: Json, found: object) -> list[str]:
    validator = Draft7Validator(schema, format_checker=_formats)
    errors = validator.iter_errors(found)  # pyright: ignore[reportArgumentType, reportUnknownMemberType] - its types leave JSON unknown
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def _pattern(address: str) -> str:
    plain = re.escape(address).replace(r"\{", "{").replace(r"\}", "}")
    version = plain.replace("{version}", "[1-9][0-9]*")
    ids = re.sub(r"{(recording|submission)}", "[0-9a-f]{32}", version)
    return re.sub(r"{(source|channel)}", "[A-Za-z0-9_-]{1,64}", ids)


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in cast(Json, part).items():
            if name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in cast(list[object], part):
            yield from _references(value)
