"""What each step of `apply` does. Done twice, or again after half of it, it does no harm."""

from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.airgap import disk, manifest
from deploy.airgap.cluster import Cluster, namespaces
from deploy.airgap.errors import AirgapError, BadBundle
from deploy.airgap.journal import Begun, Step, Task, now
from deploy.airgap.manifest import File, Role
from deploy.airgap.site import Installed, Site


def manifests_of(bundle: Path, overlay: str) -> Path:
    """Where a bundle keeps an overlay's manifests."""
    return bundle / "k3s" / f"{overlay}.yaml"


class Steps:
    """The steps, on one site. On the way back they are done with the bundle before."""

    def __init__(self, site: Site, cluster: Cluster) -> None:
        self._site = site
        self._cluster = cluster
        self._how: Mapping[Step, Callable[[Task], None]] = {
            "images": self._images,
            "models": self._models,
            "secrets": self._secrets,
            "rollout": self._rollout,
            "wait": self._wait,
            "prune": self._prune,
            "commit": self._commit,
            "tidy": lambda _: self._tidy(),
        }

    def do(self, step: Step, task: Task) -> None:
        """Do one. Raises RolloutFailed or NoRoom."""
        with disk.room(self._site.folder):
            self._how[step](task)

    def _images(self, task: Task) -> None:
        bundle = self._bundle(task)
        disk.folder(self._site.images)
        for file in self._files(bundle, "image"):
            target = self._site.images / Path(file.path).name
            disk.place(bundle / file.path, target)
            self._cluster.take_image(target)
        if task.back is not None and task.begun.base:
            self._remove_images(task.begun.to, task.begun.base)

    def _models(self, task: Task) -> None:
        bundle = self._bundle(task)
        for file in self._files(bundle, "model"):
            target = self._site.models / file.path.removeprefix("models/")
            disk.folder(target.parent)
            disk.place(bundle / file.path, target)

    def _secrets(self, task: Task) -> None:
        needed = namespaces(self._manifests(task))
        self._cluster.make_secrets(needed, task.begun.host)

    def _rollout(self, task: Task) -> None:
        self._cluster.roll_out(self._manifests(task))

    def _wait(self, task: Task) -> None:
        self._cluster.wait(self._manifests(task))

    def _prune(self, task: Task) -> None:
        other = self._before(task.begun) if task.back is None else self._after(task.begun)
        if other and other.is_file():
            self._cluster.prune(other, self._manifests(task))

    def _commit(self, task: Task) -> None:
        begun, installed = task.begun, self._site.installed()
        previous = begun.base or (installed.previous if installed else None)
        self._site.install(
            Installed(
                version=begun.version,
                identity=begun.to,
                since=now(),
                previous=previous if previous != begun.to else None,
                overlay=begun.overlay,
                host=begun.host,
            )
        )

    def _tidy(self) -> None:
        installed = self._site.installed()
        if installed is None:
            return
        held = (installed.identity, installed.previous)
        kept = {self._site.bundle(identity) for identity in held if identity}
        for folder in self._site.bundles():
            if folder.name.endswith(disk.DRAFT):
                disk.remove(folder)
            elif folder not in kept:
                disk.discard(folder)
        if installed.previous:
            self._remove_images(installed.previous, installed.identity)

    def _remove_images(self, before: str, after: str) -> None:
        """Remove from k3s' folder what only the first of two bundles has."""
        try:
            kept, old = (self._image_names(self._site.bundle(each)) for each in (after, before))
        except BadBundle:
            # Nobody knows any more which images it had: they stay, and are in nobody's way.
            return
        for name in old - kept:
            disk.remove(self._site.images / name)

    def _image_names(self, bundle: Path) -> set[str]:
        return {Path(file.path).name for file in self._files(bundle, "image")}

    def _files(self, bundle: Path, role: Role) -> tuple[File, ...]:
        return manifest.signed(bundle, self._site.key).by_role(role)

    def _bundle(self, task: Task) -> Path:
        identity = task.begun.to if task.back is None else task.begun.base
        if identity is None:
            raise AirgapError("there is no bundle before")
        return self._site.bundle(identity)

    def _manifests(self, task: Task) -> Path:
        path = self._after(task.begun) if task.back is None else self._before(task.begun)
        if path is None:
            raise AirgapError("nothing was rolled out before")
        return path

    def _after(self, begun: Begun) -> Path | None:
        return (begun.overlay and manifests_of(self._site.bundle(begun.to), begun.overlay)) or None

    def _before(self, begun: Begun) -> Path | None:
        if begun.base is None or begun.base_overlay is None:
            return None
        return manifests_of(self._site.bundle(begun.base), begun.base_overlay)
