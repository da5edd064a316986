"""Rendered manifests, and what is found in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

Node = dict[str, object]
# The one in C is ten times as quick, and not on every machine.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


def parse(text: str) -> list[Node]:
    """The documents of a YAML stream."""
    return [cast(Node, each) for each in yaml.load_all(text, _LOADER) if each]


def read(path: Path) -> list[Node]:
    """The documents of a file."""
    return parse(path.read_text("utf-8"))


def at(node: object, *path: str) -> object:
    """What lies at a path; None if something on the way is missing."""
    for name in path:
        if not isinstance(node, dict):
            return None
        node = cast(Node, node).get(name)
    return node


def node(found: object) -> Node:
    """A mapping; an empty one for None."""
    return cast(Node, found) if isinstance(found, dict) else {}


def nodes(found: object) -> list[Node]:
    """A list of mappings; an empty one for None."""
    return [node(each) for each in cast(list[object], found)] if isinstance(found, list) else []


def texts(found: object) -> list[str]:
    """A list of words; an empty one for None."""
    return [str(each) for each in cast(list[object], found)] if isinstance(found, list) else []


def name_of(document: Node) -> str:
    """`Kind/name`."""
    return f"{document.get('kind')}/{at(document, 'metadata', 'name')}"


def of_kind(documents: Iterable[Node], *kinds: str) -> list[Node]:
    """Those of the kinds."""
    return [each for each in documents if each.get("kind") in kinds]


@dataclass(frozen=True)
class Pod:
    """What a workload's pods are like."""

    owner: str
    """`Kind/name` of the workload."""
    kind: str
    labels: Node
    spec: Node
    replicas: int | None
    """None if something else says how many."""
    claims: tuple[str, ...] = ()
    """Volumes that each pod of a StatefulSet has of its own."""

    @property
    def name(self) -> str:
        """Under which policies and Services find it."""
        return str(self.labels.get("app.kubernetes.io/name"))

    @property
    def containers(self) -> list[Node]:
        """Those that run side by side."""
        return nodes(self.spec.get("containers"))

    @property
    def all_containers(self) -> list[Node]:
        """Those that run before, too."""
        return [*nodes(self.spec.get("initContainers")), *self.containers]


def pods(documents: Iterable[Node]) -> Iterator[Pod]:
    """The pods of every workload."""
    for each in of_kind(documents, *WORKLOADS):
        spec = node(each.get("spec"))
        if each["kind"] == "CronJob":
            template = node(at(spec, "jobTemplate", "spec", "template"))
        else:
            template = node(spec.get("template"))
        replicas = spec.get("replicas")
        yield Pod(
            name_of(each),
            str(each["kind"]),
            node(at(template, "metadata", "labels")),
            node(template.get("spec")),
            replicas if isinstance(replicas, int) else None,
            tuple(
                str(at(claim, "metadata", "name"))
                for claim in nodes(spec.get("volumeClaimTemplates"))
            ),
        )


def environment(container: Node, documents: Iterable[Node]) -> dict[str, str]:
    """A container's variables; one that a Secret holds has its name in angle brackets."""
    maps = {str(at(m, "metadata", "name")): m for m in of_kind(documents, "ConfigMap")}
    env: dict[str, str] = {}
    for source in nodes(container.get("envFrom")):
        found = maps.get(str(at(source, "configMapRef", "name")))
        env |= {name: str(value) for name, value in node(at(found, "data")).items()}
    for each in nodes(container.get("env")):
        secret = at(each, "valueFrom", "secretKeyRef", "name")
        env[str(each["name"])] = f"<{secret}>" if secret else str(each.get("value", ""))
    return env
