"""Rendered manifests: which objects they hold, which images, and what a change of image means.

What is decided here is pure; `cluster` acts on it.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, cast

import yaml

from deploy.airgap.errors import BadBundle

IMAGES = "echobase/images"
"""Annotation of a pod template: which images its pods run; another value is another rollout."""
_ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
_KEPT = ("Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition")
"""Never removed by an update: they hold data, or others' objects."""
_SHORT = "docker.io/library/"

Document = dict[str, object]


class Object(NamedTuple):
    """An object of the cluster."""

    api: str
    """`apps/v1`"""
    kind: str
    name: str
    namespace: str

    @property
    def resource(self) -> str:
        """As kubectl takes it: kind, version and group, then the name."""
        group, slash, version = self.api.rpartition("/")
        return f"{self.kind}.{version}.{group}/{self.name}" if slash else f"{self.kind}/{self.name}"


def documents(text: str) -> list[Document]:
    """The objects of a YAML file, as they are written. Raises BadBundle if they are none."""
    try:
        found = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise BadBundle(f"the manifests are no YAML: {error}") from None
    for document in found:
        named(document)
    return cast(list[Document], found)


def text(found: Collection[Document]) -> str:
    """Objects as a YAML file."""
    return yaml.safe_dump_all(found, sort_keys=False, width=100)


def named(document: object) -> Object:
    """Which object a document describes. Raises BadBundle if it is none."""
    match document:
        case {"apiVersion": str(api), "kind": str(kind), "metadata": {"name": str(name)}}:
            meta = cast(Document, cast(Document, document)["metadata"])
            return Object(api, kind, name, str(meta.get("namespace") or ""))
        case _:
            raise BadBundle(f"a manifest describes no object: {str(document)[:80]}")


def of_kind(found: Collection[Document], *kinds: str) -> list[Document]:
    """The objects of some kinds."""
    return [document for document in found if document["kind"] in kinds]


def rolled_out(found: Collection[Document]) -> list[Object]:
    """What `kubectl rollout status` waits for."""
    return [named(document) for document in of_kind(found, *_ROLLED_OUT)]


def jobs(found: Collection[Document]) -> list[Object]:
    """Jobs: they cannot be changed, only made anew."""
    return [named(document) for document in of_kind(found, "Job")]


def gone(before: Collection[Document], after: Collection[Document]) -> list[Object]:
    """What an update removes: all but what holds data. The last in the file goes first."""
    kept = {_key(named(document)) for document in after}
    left = (named(document) for document in before)
    removed = [one for one in left if _key(one) not in kept and one.kind not in _KEPT]
    return removed[::-1]


def _key(one: Object) -> tuple[str, str, str, str]:
    # Another version of the same group is the same object.
    return one.api.rpartition("/")[0], one.kind, one.name, one.namespace


def full_name(image: str) -> str:
    """An image's name as containerd has it: `echobase-ingest:1` is one of `docker.io/library`."""
    first, slash, _ = image.partition("/")
    if not slash:
        return _SHORT + image
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


def images(node: object) -> set[str]:
    """The full names of every image that is run."""
    return {full_name(image) for template in _pod_specs(node) for image in _of_pod(template)}


def stamp(found: Collection[Document], digests: Mapping[str, str]) -> None:
    """Write into each pod template which images it runs: `digests` has them by full name.

    With the same tag but other content, `kubectl apply` would otherwise change nothing.
    """
    for template in _templates(found):
        spec = template["spec"]
        held = sorted({digests.get(full_name(image), image) for image in _of_pod(spec)})
        meta = cast(Document, template.setdefault("metadata", {}))
        notes = cast(Document, meta.setdefault("annotations", {}))
        notes[IMAGES] = hashlib.sha256("\n".join(held).encode()).hexdigest()[:16]


def _templates(node: object) -> Iterator[Document]:
    for inner in _dicts(node):
        template = inner.get("template")
        match template:
            case {"spec": {"containers": list()}}:
                yield cast(Document, template)
            case _:
                continue


def _pod_specs(node: object) -> Iterator[object]:
    for inner in _dicts(node):
        if isinstance(inner.get("containers"), list):
            yield inner


def _of_pod(spec: object) -> Iterator[str]:
    pod = cast(Document, spec)
    for key in ("initContainers", "containers"):
        for container in cast(list[Document], pod.get(key) or []):
            yield str(container.get("image"))


def _dicts(node: object) -> Iterator[Document]:
    if isinstance(node, dict):
        inner = cast(Document, node)
        yield inner
        for value in inner.values():
            yield from _dicts(value)
    elif isinstance(node, list):
        for value in cast(list[object], node):
            yield from _dicts(value)
