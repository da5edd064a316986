"""What manifests name, and whether it is there: each check says what is missing."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.support import manifests
from tests.support.manifests import Node, Pod, at, environment, node, nodes, of_kind, pods, texts

GRACE_SPARE = 10
"""Seconds between a service's own grace and the moment when it is killed."""


def dangling(documents: Iterable[Node]) -> list[str]:
    """ConfigMaps, claims, Services, accounts and workloads that are named, but not there."""
    documents = list(documents)
    there = {manifests.name_of(each) for each in documents}
    wanted = {
        (pod.owner, target) for pod in pods(documents) for target in _named_by_pod(pod)
    } | _named_elsewhere(documents)
    return sorted(f"{owner}: no {target}" for owner, target in wanted if target not in there)


def _named_by_pod(pod: Pod) -> Iterable[str]:
    yield f"ServiceAccount/{pod.spec.get('serviceAccountName')}"
    for volume in nodes(pod.spec.get("volumes")):
        if name := at(volume, "configMap", "name"):
            yield f"ConfigMap/{name}"
        if name := at(volume, "persistentVolumeClaim", "claimName"):
            yield f"PersistentVolumeClaim/{name}"
    for container in pod.all_containers:
        for source in nodes(container.get("envFrom")):
            yield f"ConfigMap/{at(source, 'configMapRef', 'name')}"


def _named_elsewhere(documents: list[Node]) -> set[tuple[str, str]]:
    return {
        (manifests.name_of(each), target)
        for each in documents
        for target in (*_named_by_spec(each), *_named_by_routes(each))
    }


_BY_SPEC = {
    "Service": ("serviceName",),
    "Deployment": ("scaleTargetRef", "name"),
    "PersistentVolume": ("volumeName",),
    "TLSOption": ("tls", "options", "name"),
}


def _named_by_spec(document: Node) -> Iterable[str]:
    for kind, path in _BY_SPEC.items():
        if name := at(document, "spec", *path):
            yield f"{kind}/{name}"


def _named_by_routes(document: Node) -> Iterable[str]:
    for route in nodes(at(document, "spec", "routes")):
        yield from (f"Middleware/{each['name']}" for each in nodes(route.get("middlewares")))
        for service in nodes(route.get("services")):
            if service.get("kind") != "TraefikService":
                yield f"Service/{service['name']}"


def unmounted(documents: Iterable[Node]) -> list[str]:
    """Mounts of volumes that a pod does not have, and volumes that nothing mounts."""
    faults: list[str] = []
    for pod in pods(documents):
        has = {str(v["name"]) for v in nodes(pod.spec.get("volumes"))} | set(pod.claims)
        used = {
            str(mount["name"])
            for container in pod.all_containers
            for mount in nodes(container.get("volumeMounts"))
        }
        faults += [f"{pod.owner}: {name}" for name in sorted(has ^ used)]
    return faults


def unreachable(documents: Iterable[Node]) -> list[str]:
    """Services that find no pod, or lead to a port that its containers do not have."""
    documents = list(documents)
    ports: dict[str, set[object]] = {}
    for pod in pods(documents):
        found = ports.setdefault(pod.name, set())
        found |= {p.get("name") for c in pod.containers for p in nodes(c.get("ports"))}
    faults: list[str] = []
    for each in of_kind(documents, "Service"):
        name = str(at(each, "spec", "selector", "app.kubernetes.io/name"))
        faults += [
            f"{manifests.name_of(each)}: {port.get('targetPort')} of {name}"
            for port in nodes(at(each, "spec", "ports"))
            if port.get("targetPort") not in ports.get(name, set())
        ]
    return faults


def ungraceful(documents: Iterable[Node]) -> list[str]:
    """Services that are killed before the grace that their settings give them is over."""
    documents = list(documents)
    faults: list[str] = []
    for pod in pods(documents):
        for container in pod.containers:
            own = environment(container, documents).get("ECHOBASE_GRACE")
            before = at(container, "lifecycle", "preStop", "sleep", "seconds")
            spare = GRACE_SPARE + (before if isinstance(before, int) else 0)
            given = pod.spec.get("terminationGracePeriodSeconds")
            if own and isinstance(given, int) and given < float(own) + spare:
                faults.append(f"{pod.owner}: {given} s, but it may take {own} s")
    return faults


def missing_files(folder: Path) -> list[str]:
    """Files that the kustomizations below a folder name but lack, and those that none names."""
    faults: list[str] = []
    for path in sorted(folder.rglob("kustomization.yaml")):
        [own] = manifests.read(path)
        named = set(_files(own))
        faults += [
            f"{path.parent.name}: no {name}"
            for name in sorted(named)
            if not (path.parent / name).exists()
        ]
        lying = {each.name for each in path.parent.iterdir() if each.is_file()}
        stray = lying - named - {"kustomization.yaml"}
        faults += [f"{path.parent.name}: nothing uses {name}" for name in sorted(stray)]
    return faults


def _files(own: Node) -> Iterable[str]:
    yield from texts(own.get("resources"))
    yield from texts(own.get("components"))
    for patch in nodes(own.get("patches")):
        if path := patch.get("path"):
            yield str(path)
    for generator in nodes(own.get("configMapGenerator")):
        yield from texts(generator.get("files"))
        yield from texts(generator.get("envs"))


def claimed(documents: Iterable[Node], workload: str) -> int:
    """Bytes of the one volume that each pod of a StatefulSet has of its own."""
    [found] = [each for each in documents if manifests.name_of(each) == workload]
    [claim] = nodes(at(found, "spec", "volumeClaimTemplates"))
    return size(str(at(claim, "spec", "resources", "requests", "storage")))


def size(text: str) -> int:
    """Bytes of a quantity such as `16Gi`, or of NATS' `14GB`, which counts by 1024 too."""
    found = re.fullmatch(r"(\d+)([KMGT])(?:i|B)", text)
    assert found, text
    return int(found[1]) * 1024 ** ("KMGT".index(found[2]) + 1)


def data(documents: Iterable[Node], prefix: str) -> dict[str, str]:
    """What the ConfigMap of a name, whatever its hash, holds."""
    [found] = [
        each
        for each in of_kind(documents, "ConfigMap")
        if re.fullmatch(rf"{prefix}-[a-z0-9]{{10}}", str(at(each, "metadata", "name")))
    ]
    return {name: str(value) for name, value in node(found.get("data")).items()}
