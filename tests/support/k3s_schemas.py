"""Manifests against schemas: Kubernetes' own, and ours for the custom resources in use."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from jsonschema import Draft202012Validator
from kubernetes_validate import utils  # pyright: ignore[reportMissingTypeStubs]  it has none
from referencing import Registry, Resource

from tests.support import manifests
from tests.support.manifests import Node, name_of
from tests.support.repository import ROOT

SCHEMAS = ROOT / "tests" / "deploy" / "schemas"


class _Error(Protocol):
    message: str


class _JsonSchema(Protocol):
    """The part of a jsonschema validator that is used; its stubs leave an instance's type open."""

    def iter_errors(self, instance: Node) -> Iterable[_Error]: ...


class _Kubernetes(Protocol):
    """The part of kubernetes-validate that is used, which has no annotations of its own."""

    def latest_version(self) -> str: ...
    def schema_contents(self, filename: str, desired_version: str) -> dict[str, Any]: ...


_kubernetes = cast(_Kubernetes, utils)


def custom(folder: Path = SCHEMAS) -> dict[str, Node]:
    """The schema of each custom kind."""
    return {path.stem: manifests.read(path)[0] for path in sorted(folder.glob("*.yaml"))}


def faults(documents: Iterable[Node]) -> list[str]:
    """What does not conform; unknown fields, and kinds without a schema, count."""
    ours = custom()
    return [
        f"{name_of(each)}: {fault}"
        for each in documents
        for fault in (
            _custom(each, ours[str(each["kind"])]) if each.get("kind") in ours else _core(each)
        )
    ]


def _custom(document: Node, schema: Node) -> list[str]:
    validator = cast(_JsonSchema, Draft202012Validator(cast("dict[str, Any]", schema)))
    return [error.message for error in validator.iter_errors(document)]


def _core(document: Node) -> list[str]:
    try:
        validator = _validator(str(document["kind"]), str(document["apiVersion"]))
    except FileNotFoundError:
        return ["no schema"]
    return [error.message for error in validator.iter_errors(document)]


@cache
def _validator(kind: str, version: str) -> _JsonSchema:
    """As `kubernetes_validate.validate` with `strict` makes it anew for every document."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", version)
    schema = _schema(f"{kind.lower()}-{group}.json")
    registry = _definitions().with_resource("", Resource[Any].from_contents(schema))
    return cast(_JsonSchema, Draft202012Validator(schema, registry=registry))


@cache
def _definitions() -> Registry[Any]:
    own = Resource[Any].from_contents(_schema("_definitions.json"))
    return (own @ Registry[Any]()).crawl()


def _schema(name: str) -> dict[str, Any]:
    newest = _kubernetes.latest_version()
    folder = f"kubernetes-json-schema/v{newest}-local-strict"
    return _kubernetes.schema_contents(f"{folder}/{name}", newest)
