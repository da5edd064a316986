"""Tilt without Tilt: a Tiltfile evaluated as Starlark, with strict stand-ins for Tilt's functions.

A keyword, a type or a function that Tilt does not have fails here as it does there. What Tilt would
only find out on a cluster is found by `tests.support.tilt_checks`.
"""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import starlark

from tests.support import tilt_api as api

Arguments = Mapping[str, Any]


class TiltError(Exception):
    """Tilt would refuse the Tiltfile."""


@dataclass(frozen=True)
class Image:
    """An image that Tilt builds."""

    ref: str
    context: str
    dockerfile: str
    target: str
    only: Sequence[str]
    steps: Sequence[api.LiveUpdateStep]

    @property
    def syncs(self) -> list[api.Sync]:
        """What is copied into the running container."""
        return [step for step in self.steps if isinstance(step, api.Sync)]

    @property
    def fall_backs(self) -> list[str]:
        """The files that mean another image."""
        return [f for step in self.steps if isinstance(step, api.FallBackOn) for f in step.files]


@dataclass(frozen=True)
class Resource:
    """A resource of Tilt's: of Kubernetes, or with a command."""

    name: str
    workload: str
    objects: Sequence[str]
    command: Sequence[str]
    """A shell's line is one part."""
    ports: Sequence[str]
    deps: Sequence[str]
    labels: Sequence[str]
    manual: bool
    auto_init: bool


@dataclass
class Tilt:
    """What a Tiltfile has asked for."""

    env: Mapping[str, str]
    rendered: list[str] = field(default_factory=list[str])
    """The folders whose kustomization is applied."""
    images: list[Image] = field(default_factory=list[Image])
    resources: list[Resource] = field(default_factory=list[Resource])
    contexts: list[str] = field(default_factory=list[str])
    registry: str = ""

    def allow_k8s_contexts(self, given: Arguments) -> None:
        """Each of these methods does what Tilt's function of its name does."""
        self.contexts += many(given["contexts"])

    def default_registry(self, given: Arguments) -> None:
        self.registry = given["host"]

    def k8s_context(self, given: Arguments) -> str:
        del given
        return "a-context"

    def getenv(self, given: Arguments) -> str | None:
        return self.env.get(given["key"], given["default"])

    def kustomize(self, given: Arguments) -> api.Blob:
        return api.Blob(given["pathToDir"])

    def k8s_yaml(self, given: Arguments) -> None:
        if not isinstance(given["yaml"], api.Blob):
            raise TiltError("only what kustomize renders is applied")
        self.rendered.append(given["yaml"].folder)

    def fall_back_on(self, given: Arguments) -> api.LiveUpdateStep:
        return api.FallBackOn(many(given["files"]))

    def sync(self, given: Arguments) -> api.LiveUpdateStep:
        return api.Sync(given["local_path"], given["remote_path"])

    def link(self, given: Arguments) -> api.Link:
        return api.Link(given["url"])

    def docker_build(self, given: Arguments) -> None:
        steps = given["live_update"]
        kinds = [isinstance(step, api.Sync) for step in steps]
        if kinds != sorted(kinds):
            raise TiltError("fall_back_on steps may only go at the beginning")
        self.images.append(
            Image(
                given["ref"],
                given["context"],
                given["dockerfile"],
                given["target"],
                many(given["only"]),
                steps,
            )
        )

    def k8s_resource(self, given: Arguments) -> None:
        name = given["new_name"] or given["workload"]
        if not given["workload"] and not (given["objects"] and given["new_name"]):
            raise TiltError("k8s_resource wants a workload, or objects and a new name")
        self.resources.append(_resource(name, given))

    def local_resource(self, given: Arguments) -> None:
        self.resources.append(_resource(given["name"], given))


def _resource(name: str, given: Arguments) -> Resource:
    forwards: object = given.get("port_forwards", [])
    listed = cast(list[object], forwards) if isinstance(forwards, list) else [forwards]
    return Resource(
        name=name,
        workload=given.get("workload", ""),
        objects=given.get("objects", ()),
        command=many(given.get("cmd", [])),
        ports=[str(each) for each in listed],
        deps=given["resource_deps"],
        labels=many(given["labels"]),
        manual=given["trigger_mode"] != api.AUTO,
        auto_init=given["auto_init"],
    )


_PRELUDE = """
os = struct(getenv=getenv)
TRIGGER_MODE_AUTO = "TRIGGER_MODE_AUTO"
TRIGGER_MODE_MANUAL = "TRIGGER_MODE_MANUAL"
"""


def evaluate(text: str, env: Mapping[str, str] | None = None) -> Tilt:
    """What a Tiltfile asks for. Raises StarlarkError, which tells what Tilt would refuse."""
    tilt = Tilt(env or {})
    module = starlark.Module()
    for name, function in inspect.getmembers(api, inspect.isfunction):
        if function.__module__ == api.__name__:
            module.add_callable(name, strict(function, getattr(tilt, name, _nothing)))
    globals_ = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
    for name, part in (("prelude", _PRELUDE), ("Tiltfile", text)):
        dialect = starlark.Dialect.extended()
        dialect.enable_f_strings = False  # Tilt's Starlark has none
        starlark.eval(module, starlark.parse(name, part, dialect), globals_)
    return tilt


def _nothing(given: Arguments) -> None:
    del given


def strict(
    function: Callable[..., object], do: Callable[[Arguments], object]
) -> Callable[..., object]:
    """What Starlark calls: refuses what does not fit a signature, and has the rest done."""
    signature = inspect.signature(function)
    hints = get_type_hints(function)

    def call(*args: object, **kwargs: object) -> object:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if not fits(value, hints[name]):
                raise TypeError(f"{function.__name__}: {name}={value!r} is no {hints[name]}")
        bound.apply_defaults()
        result = do(bound.arguments)
        plain = result is None or isinstance(result, str)
        return result if plain else starlark.OpaquePythonObject(result)

    return call


def fits(value: object, hint: object) -> bool:
    """Whether a value is of a type; no bool is an int."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is list:
        return isinstance(value, list) and all(
            fits(each, parts[0]) for each in cast(list[object], value)
        )
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(key, parts[0]) and fits(each, parts[1])
            for key, each in cast(dict[object, object], value).items()
        )
    return isinstance(value, cast(type, hint)) and not (hint is int and isinstance(value, bool))


def many(one_or_more: str | list[str]) -> list[str]:
    """A list of them."""
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more
