"""Everything that `/docs` describes has an example that fits: parameters, bodies, every answer."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from tests.support.openapi import Json, descriptions, faults, operations


@pytest.mark.parametrize("service", ["stream", "ingest"])
async def test_every_route_has_an_example_of_everything(tmp_path: Path, service: str) -> None:
    described = (await descriptions(tmp_path))[service]
    assert len(list(operations(described))) > 10
    assert faults(described) == []


async def test_what_is_not_shown_is_found(tmp_path: Path) -> None:
    described = (await descriptions(tmp_path))["stream"]
    path, method = "/v1/recordings/{recording_id}/transcript", "patch"

    def changed() -> tuple[Json, Json]:
        whole = copy.deepcopy(described)
        return whole, cast(Mapping[str, Mapping[str, Json]], whole["paths"])[path][method]

    named = f"PATCH {path}: "
    whole, operation = changed()
    [first, *_] = cast(list[Json], operation["parameters"])
    first.pop("example")
    assert faults(whole) == [f"{named}parameter recording_id has no example"]
    whole, operation = changed()
    _media(operation["requestBody"], "application/json")["schema"] = {"type": "object"}
    assert faults(whole) == [f"{named}body application/json has no example"]
    whole, operation = changed()
    answers = cast(Mapping[str, Json], operation["responses"])
    _media(answers["201"], "application/json").pop("examples")
    answers["404"].pop("content")
    answers["409"].pop("description")
    assert sorted(faults(whole)) == [
        f"{named}201 application/json has no example",
        f"{named}404 has no body",
        f"{named}409 has no description",
    ]
    whole, operation = changed()
    operation.pop("summary")
    assert faults(whole) == [f"{named}has no summary"]


async def test_an_example_that_does_not_fit_is_found(tmp_path: Path) -> None:
    described = (await descriptions(tmp_path))["stream"]
    schemas = cast(Mapping[str, Mapping[str, Json]], described["components"])["schemas"]
    cast(list[str], schemas["CorrectionView"]["required"]).append("made_up")
    [fault] = faults(described)
    assert fault.endswith("does not fit: $ 'made_up' is a required property")


def _media(part: object, media_type: str) -> Json:
    return cast(Mapping[str, Json], cast(Json, part)["content"])[media_type]
