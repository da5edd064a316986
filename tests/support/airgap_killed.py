"""A program that installs a release again and again, and is killed at one effect after the other.

    python -m tests.support.airgap_killed FOLDER update|broken|first|careless FIRST STEP

For n = FIRST, FIRST + STEP, … a fresh site runs `apply` in a process that is killed at its nth
effect (a write, half of which is done; a flush; a rename, a link, a new folder, a removal; a call
of kubectl). What was written and not flushed is lost, as when the power goes. Then `apply` runs
again, undisturbed. Ends with the first n that there is no effect for, and prints it; a fault is an
AssertionError. It forks, and so is a process of its own. `careless` is `update` by a program that
writes images where they are to be: the checks must find that.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.airgap import delta, disk, manifest
from deploy.airgap.apply import Applier
from deploy.airgap.cluster import Cluster
from deploy.airgap.errors import RolloutFailed
from deploy.airgap.report import report
from deploy.airgap.site import Site
from deploy.k3s.secrets import SECRETS
from tests.support import airgap as small


class _Power:
    """Counts effects, and cuts the power at one of them."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._unflushed: dict[str, int] = {}

    def install(self) -> None:
        """Stand between the program and the system."""
        for name in ("replace", "rename", "link", "unlink", "mkdir", "rmdir"):
            setattr(os, name, self._counted(getattr(os, name)))
        os.fsync = self._flushed(os.fsync)
        os.write = self._written(os.write)
        subprocess.run = self._counted(subprocess.run)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left <= 0

    def _counted(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            if self._spend():
                self._cut()
            return effect(*args, **named)

        return counted

    def _flushed(self, effect: Callable[[int], None]) -> Callable[[int], None]:
        def flushed(descriptor: int) -> None:
            if self._spend():
                self._cut()
            effect(descriptor)
            self._unflushed.pop(_path(descriptor), None)

        return flushed

    def _written(self, effect: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def written(descriptor: int, content: Any) -> int:
            self._unflushed.setdefault(_path(descriptor), os.fstat(descriptor).st_size)
            if self._spend():
                effect(descriptor, bytes(content)[: len(content) // 2])
                if self._left % 2:
                    # Half of a write may also reach the disk.
                    self._unflushed.clear()
                self._cut()
            return effect(descriptor, content)

        return written

    def _cut(self) -> None:
        for path, size in self._unflushed.items():
            if Path(path).exists():
                os.truncate(path, size)
        os.kill(os.getpid(), signal.SIGKILL)


def _path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


class Scene:
    """A desk, a site to be copied, and the ways of `apply`."""

    def __init__(self, folder: Path, what: str) -> None:
        self.folder = folder
        self.what = what
        desk = folder / "desk"
        desk.mkdir(parents=True)
        key, self.public = small.key_pair(desk)
        self.releases = [
            small.bundle(
                desk / f"echobase-0.1.{number}",
                small.small(number, broken=what == "broken" and number == 2),
                key,
                version=f"0.1.{number}",
            )
            for number in (1, 2)
        ]
        self.file = self.releases[0]
        self.site = Site(folder / "site")
        small.kubectl(folder / "kubectl")
        disk.folder(self.site.key.parent)
        shutil.copy(self.public, self.site.key)
        if what != "first":
            # Secrets are made in the scene `first`, and there already in the others.
            self.run(self.releases[0])
            self.file = desk / "delta.tar.zst"
            delta.make(self.releases[0], self.releases[1], self.file, key)
        shutil.copytree(self.site.root, folder / "fresh/site")
        shutil.copytree(folder / "kubectl", folder / "fresh/kubectl")

    def renew(self) -> None:
        """A site as it was."""
        for name in ("site", "kubectl"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.folder / "fresh" / name, self.folder / name)

    def run(self, file: Path) -> None:
        """`apply`, with a bundle or a delta."""
        program = str(self.folder / "kubectl/kubectl")
        cluster = Cluster((program,), (program, "import"), timeout=1)
        Applier(self.site, cluster, lambda _: None).apply(file, overlay="edge", host="a.example")

    def again(self) -> None:
        """`apply` after the power came back."""
        try:
            self.run(self.file)
        except RolloutFailed:
            if self.what != "broken":
                raise

    def check_between(self) -> None:
        """While the power is away: nothing is torn that somebody else may read."""
        installed = self.site.installed()
        assert installed or self.what == "first"
        if installed:
            manifest.verify(self.site.bundle(installed.identity), self.site.key)
        whole = [
            path.read_bytes() for release in self.releases for path in release.glob("images/*")
        ]
        for path in self.site.images.glob("*.tar"):
            assert path.read_bytes() in whole, path

    def check_end(self) -> None:
        """After the second run: the one release or the other, and nothing of another."""
        expected = self.releases[1 if self.what in ("update", "careless") else 0]
        installed = self.site.installed()
        assert installed
        assert installed.identity == manifest.file_digest(expected / manifest.MANIFEST)
        program = str(self.folder / "kubectl/kubectl")
        assert report(self.site, Cluster((program,))).good
        applied = self.folder / "kubectl/applied"
        assert applied.read_bytes() == (expected / "k3s/edge.yaml").read_bytes()
        images = {path.name: path.read_bytes() for path in self.site.images.iterdir()}
        assert images == {path.name: path.read_bytes() for path in expected.glob("images/*")}
        made = {path.name for path in (self.folder / "kubectl/secrets").iterdir()}
        assert made == {secret.name for secret in SECRETS}
        drafts = [path for path in self.site.root.rglob(f"*{disk.DRAFT}") if path.is_file()]
        assert not [path for path in drafts if self.site.images in path.parents], drafts


def forked(do: Callable[[], None]) -> int:
    """The wait status of a process that does something."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
        except BaseException as error:  # noqa: BLE001 - the status says it
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def killed_at(scene: Scene, limit: int) -> bool:
    """Whether `apply` was killed at its effect with this number, and ended well afterwards."""

    def once() -> None:
        _Power(limit).install()
        scene.again()

    scene.renew()
    status = forked(once)
    if not os.WIFSIGNALED(status):
        assert status == 0, f"undisturbed, it ended with {status}"
        scene.check_end()
        return False
    scene.check_between()
    assert forked(scene.again) == 0, f"killed at effect {limit}, it did not end well"
    scene.check_end()
    return True


def _careless(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, source.read_bytes())
    os.close(descriptor)


def main(folder: Path, what: str, first: int, step: int) -> None:
    """Kill at one effect after the other."""
    # Who is killed here is no machine: what is "flushed" need not wait for a disk.
    os.fsync = lambda _: None
    if what == "careless":
        disk.place = _careless
    scene = Scene(folder, what)
    limit = first
    while killed_at(scene, limit):
        limit += step
    sys.stdout.write(f"{limit}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
