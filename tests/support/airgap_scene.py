"""A desk with releases 1, 2 and 3, and a site with a stand-in for kubectl."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.airgap import delta, disk, manifest
from deploy.airgap.apply import Applier
from deploy.airgap.cluster import Cluster
from deploy.airgap.report import report
from deploy.airgap.site import Site
from tests.support import airgap as small


@dataclass
class Scene:
    """A desk with releases 1, 2 and 3, and a site that has none."""

    desk: Path
    site: Site
    stand_in: Path

    @property
    def cluster(self) -> Cluster:
        program = str(self.stand_in / "kubectl")
        return Cluster((program,), (program, "import"), timeout=1)

    def release(self, number: int, *, broken: bool = False) -> Path:
        key, _ = small.key_pair(self.desk)
        folder = self.desk / f"echobase-0.1.{number}"
        if not folder.exists():
            files = small.small(number, broken=broken)
            small.bundle(folder, files, key, version=f"0.1.{number}")
        return folder

    def delta(self, base: int, to: int, *, broken: bool = False) -> Path:
        key, _ = small.key_pair(self.desk)
        target = self.desk / f"{base}_to_{to}.tar.zst"
        delta.make(self.release(base), self.release(to, broken=broken), target, key)
        return target

    def apply(self, path: Path, *, force: bool = False) -> manifest.Manifest:
        applier = Applier(self.site, self.cluster, lambda _: None)
        return applier.apply(path, overlay="edge", host="radio.example", force=force)

    def calls(self) -> list[str]:
        return small.calls(self.stand_in)

    def has(self, number: int) -> bool:
        """Whether the site has a release, whole, and the cluster runs it."""
        installed = self.site.installed()
        release = self.release(number)
        assert installed is not None
        same = manifest.verify(self.site.bundle(installed.identity), self.site.key)
        return (
            same == manifest.verify(release, self.site.key)
            and report(self.site, self.cluster).good
            and (self.stand_in / "applied").read_bytes() == (release / "k3s/edge.yaml").read_bytes()
            and tree(self.site.images) == tree(release / "images")
        )


def tree(folder: Path) -> dict[str, bytes]:
    """What a folder holds, by path."""
    return {name: (folder / name).read_bytes() for name in manifest.plain_files(folder)}


def scene(folder: Path) -> Scene:
    """A scene in an empty folder; nothing is installed."""
    desk = folder / "desk"
    desk.mkdir()
    _, public = small.key_pair(desk)
    site = Site(folder / "site")
    disk.folder(site.key.parent)
    shutil.copy(public, site.key)
    small.kubectl(folder / "kubectl")
    return Scene(desk, site, folder / "kubectl")
