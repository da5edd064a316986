"""Tilt's functions as its API reference has them, as far as the project uses them.

From https://docs.tilt.dev/api.html. They do nothing: `tests.support.tilt` reads their signatures.
"""

# ruff: noqa: B006, N803 - Tilt's own defaults and names
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FallBackOn:
    """Files that mean another image."""

    files: list[str]


@dataclass(frozen=True)
class Sync:
    """A path that is copied into the running container."""

    local: str
    remote: str


LiveUpdateStep = FallBackOn | Sync


@dataclass(frozen=True)
class Link:
    """An address that Tilt shows."""

    url: str


@dataclass(frozen=True)
class Blob:
    """What a command writes: here, that kustomize renders a folder."""

    folder: str


TriggerMode = Literal["TRIGGER_MODE_AUTO", "TRIGGER_MODE_MANUAL"]
AUTO: TriggerMode = "TRIGGER_MODE_AUTO"


def version_settings(check_updates: bool = True, constraint: str = "") -> None: ...


def allow_k8s_contexts(contexts: str | list[str]) -> None: ...


def default_registry(
    host: str, host_from_cluster: str | None = None, single_name: str = ""
) -> None: ...


def k8s_context() -> str: ...


def getenv(key: str, default: str | None = None) -> str | None: ...


def kustomize(pathToDir: str, kustomize_bin: str | None = None) -> Blob: ...


def k8s_yaml(yaml: str | list[str] | Blob, allow_duplicates: bool = False) -> None: ...


def fall_back_on(files: str | list[str]) -> LiveUpdateStep: ...


def sync(local_path: str, remote_path: str) -> LiveUpdateStep: ...


def link(url: str, name: str | None = None) -> Link: ...


def docker_build(
    ref: str,
    context: str,
    build_args: dict[str, str] = {},
    dockerfile: str = "Dockerfile",
    dockerfile_contents: str | Blob = "",
    live_update: list[LiveUpdateStep] = [],
    match_in_env_vars: bool = False,
    ignore: str | list[str] = [],
    only: str | list[str] = [],
    entrypoint: str | list[str] = [],
    target: str = "",
    ssh: str | list[str] = "",
    network: str = "",
    secret: str | list[str] = "",
    extra_tag: str | list[str] = "",
    container_args: list[str] | None = None,
    cache_from: str | list[str] = [],
    pull: bool = False,
    platform: str = "",
) -> None: ...


def k8s_resource(
    workload: str = "",
    new_name: str = "",
    port_forwards: str | int | list[str | int] = [],
    extra_pod_selectors: dict[str, str] | list[dict[str, str]] = [],
    trigger_mode: TriggerMode = AUTO,
    resource_deps: list[str] = [],
    objects: list[str] = [],
    auto_init: bool = True,
    pod_readiness: Literal["", "ignore", "wait"] = "",
    links: str | Link | list[str | Link] = [],
    labels: str | list[str] = [],
    discovery_strategy: Literal["", "default", "selectors-only"] = "",
) -> None: ...


def local_resource(
    name: str,
    cmd: str | list[str],
    deps: str | list[str] | None = None,
    trigger_mode: TriggerMode = AUTO,
    resource_deps: list[str] = [],
    ignore: str | list[str] = [],
    auto_init: bool = True,
    serve_cmd: str | list[str] = "",
    cmd_bat: str | list[str] = "",
    serve_cmd_bat: str | list[str] = "",
    allow_parallel: bool = False,
    links: str | Link | list[str | Link] = [],
    tags: list[str] = [],
    env: dict[str, str] = {},
    serve_env: dict[str, str] = {},
    readiness_probe: None = None,
    dir: str = "",
    serve_dir: str = "",
    labels: list[str] = [],
) -> None: ...
