"""What a Tiltfile says, against the tree, the Dockerfiles, the manifests and the settings."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import readme
from tests.support.tilt import Image, Resource, Tilt

Manifest = Mapping[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
"""What Tilt makes a resource of by itself."""
_OURS = "echobase-"


@dataclass(frozen=True)
class Stage:
    """One stage of a Dockerfile, with those that it stands on."""

    copied: frozenset[str]
    """Paths of the context."""
    workdir: str


def faults(
    tilt: Tilt, root: Path, manifests: Sequence[Manifest], ports: Mapping[str, int]
) -> list[str]:
    """What would not work, in words. `ports`: what each service listens on, by workload."""
    return [
        *(fault for image in tilt.images for fault in _image(image, root)),
        *_images(tilt, manifests),
        *(f"{path} is no folder" for path in tilt.rendered if not (root / path).is_dir()),
        *_names(tilt.resources, manifests),
        *(fault for each in tilt.resources for fault in _ports(each, manifests, ports)),
        *(fault for each in tilt.resources for fault in _command(each, root)),
        *(fault for each in tilt.resources for fault in _button(each)),
    ]


def _image(image: Image, root: Path) -> Iterator[str]:
    dockerfile = root / image.dockerfile
    paths = [*image.only, *image.fall_backs, *(sync.local for sync in image.syncs)]
    yield from (f"{image.ref}: there is no {path}" for path in paths if not (root / path).exists())
    if not dockerfile.is_file():
        yield f"{image.ref}: there is no {image.dockerfile}"
        return
    stage = stages(dockerfile.read_text("utf-8")).get(image.target)
    if stage is None:
        yield f"{image.ref}: {image.dockerfile} has no stage {image.target!r}"
        return
    yield from _built(image, stage)
    yield from _live(image, stage)


def _built(image: Image, stage: Stage) -> Iterator[str]:
    for path in sorted(stage.copied):
        if not _covered(path, image.only):
            yield f"{image.ref}: the build copies {path}, which `only` leaves out"
    for path in image.only:
        if not any(_covered(path, [copied]) for copied in stage.copied):
            yield f"{image.ref}: `only` has {path}, which the build does not copy"


def _live(image: Image, stage: Stage) -> Iterator[str]:
    synced = [sync.local for sync in image.syncs]
    for path in (*image.fall_backs, *synced):
        if not _covered(path, image.only):
            yield f"{image.ref}: {path} is not watched"
    for sync in image.syncs:
        if sync.remote != f"{stage.workdir}/{sync.local}":
            yield f"{image.ref}: {sync.local} goes to {sync.remote}, not below {stage.workdir}"
    for path in image.only:
        if not _covered(path, [*synced, *image.fall_backs]):
            yield f"{image.ref}: a change of {path} is neither copied nor falls back"


def _covered(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def stages(dockerfile: str) -> Mapping[str, Stage]:
    """The stages of a Dockerfile, by name."""
    found: dict[str, Stage] = {}
    name = ""
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = line.split()
        match words:
            case ["FROM", base, "AS", name]:
                found[name] = found.get(base, Stage(frozenset(), "/"))
            case ["WORKDIR", folder]:
                found[name] = Stage(found[name].copied, folder)
            case ["COPY", *rest]:
                other = next((r.removeprefix("--from=") for r in rest if "--from=" in r), None)
                paths = [word.rstrip("/") for word in rest if not word.startswith("--")][:-1]
                more = found[other].copied if other in found else frozenset(paths)
                found[name] = Stage(found[name].copied | more, found[name].workdir)
            case _:
                pass
    return found


def _images(tilt: Tilt, manifests: Sequence[Manifest]) -> Iterator[str]:
    built = {image.ref for image in tilt.images}
    used = {
        name
        for manifest in manifests
        for container in containers(manifest)
        if (name := str(container["image"]).partition("@")[0].partition(":")[0]).startswith(_OURS)
    }
    yield from (f"no manifest uses the image {name}" for name in sorted(built - used))
    yield from (f"the manifests use {name}, which nobody builds" for name in sorted(used - built))


def containers(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The containers of a workload, those that come first included."""
    if manifest["kind"] not in WORKLOADS:
        return []
    spec = manifest["spec"]["template"]["spec"]
    return [*spec["containers"], *spec.get("initContainers", ())]


def _names(resources: Sequence[Resource], manifests: Sequence[Manifest]) -> Iterator[str]:
    workloads = [m["metadata"]["name"] for m in manifests if m["kind"] in WORKLOADS]
    objects = {f"{m['metadata']['name']}:{m['kind'].lower()}" for m in manifests}
    configured = [each.workload for each in resources if each.workload]
    known = {each.name for each in resources}
    yield from (f"there is no workload {n}" for n in configured if workloads.count(n) != 1)
    yield from (f"{name} is not configured" for name in workloads if name not in configured)
    for each in resources:
        yield from (f"{each.name}: no object {o}" for o in each.objects if o not in objects)
        yield from (f"{each.name}: no resource {dep}" for dep in each.deps if dep not in known)
        if not each.labels:
            yield f"{each.name} has no label"


def _ports(
    resource: Resource, manifests: Sequence[Manifest], ports: Mapping[str, int]
) -> Iterator[str]:
    opened = {
        port["containerPort"]
        for manifest in manifests
        if manifest["metadata"]["name"] == resource.workload
        for container in containers(manifest)
        for port in container.get("ports", ())
    }
    for forward in resource.ports:
        local, _, remote = forward.partition(":")
        if int(remote or local) not in opened:
            yield f"{resource.name}: no container listens on {remote or local}"
    wanted = ports.get(resource.workload)
    if wanted is not None and [f"{wanted}:{wanted}"] != list(resource.ports):
        yield f"{resource.name}: the settings' port is {wanted}, forwarded {resource.ports}"


def _command(resource: Resource, root: Path) -> Iterator[str]:
    targets = readme.make_targets((root / "Makefile").read_text("utf-8"))
    match resource.command:
        case ["make", target] if target not in targets:
            yield f"{resource.name}: there is no `make {target}`"
        case [line]:
            for module in re.findall(r"-m (\S+)", line):
                if not (root / module.replace(".", "/")).with_suffix(".py").is_file():
                    yield f"{resource.name}: there is no module {module}"
        case _:
            pass


def _button(resource: Resource) -> Iterator[str]:
    if "check" in resource.labels and (resource.auto_init or not resource.manual):
        yield f"{resource.name} would run by itself"
