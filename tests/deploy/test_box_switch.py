"""An update that is cut off, or whose release does not run."""

import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from deploy.airgap import delta
from deploy.box.errors import RolledBack
from deploy.box.install import Box, Wishes, install, update
from deploy.box.places import Places
from deploy.box.release import Releases
from tests.support.airgap import key_pair
from tests.support.box_bundle import small_bundle

# Ends as by a power cut, at the given step.
_CUT_OFF = """\
import os, signal, sys
from pathlib import Path
from deploy.box.install import Box, update
from deploy.box.places import Places
steps = iter(range(int(sys.argv[3])))
def tell(step):
    if next(steps, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
update(Box(Places(Path(sys.argv[1])), tell), Path(sys.argv[2]), force=False)
"""


class Health:
    """A manager for which some releases do not run."""

    def __init__(self, places: Places, *sick: str) -> None:
        self._releases = Releases(places)
        self._sick = sick
        self.started: list[str] = []

    def reload(self) -> None:
        """Nothing to do."""

    def restart(self) -> None:
        """Note what would run."""
        self.started.append(self._releases.current() or "")

    def stop(self) -> None:
        """Nothing to do."""

    def unhealthy(self, patience: float) -> list[str]:  # noqa: ARG002 - the protocol's
        """The transcriber, if the release does not run."""
        return ["transcriber"] if self.started[-1] in self._sick else []


class Site:
    """A box that runs a first bundle, and a delta to a second one."""

    def __init__(self, folder: Path) -> None:
        key, public_key = key_pair(folder)
        first = small_bundle(folder / "first", key, code=b"1")
        second = small_bundle(folder / "second", key, code=b"2")
        self.delta = folder / "delta.tar.zst"
        leads_to = delta.make(first, second, self.delta, key).to.identity
        self.move(folder / "box")
        self.old = install(self.box(), Wishes(public_key=public_key), first, folder, force=False)
        self.new = f"0.1.0-{leads_to[:12]}"

    def move(self, root: Path) -> None:
        """Go on with the box in another folder."""
        self.places = Places(root)
        self.releases = Releases(self.places)

    def box(self, *sick: str) -> Box:
        self.manager = Health(self.places, *sick)
        self.told: list[str] = []
        return Box(self.places, self.told.append, manager=self.manager)

    def left_over(self) -> list[str]:
        """What a cut off update left, beside what belongs there."""
        folders = (self.places.home, self.places.releases, self.places.bundles)
        names = {path.name for folder in folders for path in folder.iterdir()}
        expected = {
            *{"airgap", "current", "models", "releases", "bundles", "lock"},
            *self.releases.names(),
        }
        return sorted(names - expected)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_release_that_does_not_run_is_rolled_back(site: Site):
    with pytest.raises(RolledBack, match="transcriber"):
        update(site.box(site.new), site.delta, force=False)
    assert site.manager.started == [site.new, site.old]
    assert site.releases.current() == site.old
    assert site.releases.names() == [site.old]
    assert site.left_over() == []


def test_what_was_mended_can_be_brought_again(site: Site):
    with pytest.raises(RolledBack):
        update(site.box(site.new), site.delta, force=False)
    assert update(site.box(), site.delta, force=False) == site.new
    assert site.releases.current() == site.new


def cut_off(places: Places, path: Path, steps: int) -> bool:
    """Update until so many steps are done, then end as by a power cut; whether it came to that."""
    command = [sys.executable, "-c", _CUT_OFF, str(places.root), str(path), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def test_whenever_it_is_cut_off_the_next_run_finishes(site: Site, tmp_path: Path):
    untouched, cuts = site.places.root, 0
    for steps in count():
        site.move(shutil.copytree(untouched, tmp_path / str(steps), symlinks=True))
        if not cut_off(site.places, site.delta, steps):
            break
        assert site.releases.current() in (site.old, site.new)
        assert update(site.box(), site.delta, force=False) == site.new, steps
        assert site.releases.current() == site.new
        assert site.left_over() == []
        cuts += 1
    assert cuts >= 8


def test_a_switch_that_was_cut_off_is_rolled_back_if_it_does_not_run(site: Site):
    # After the new release became the current one.
    steps = count()
    while site.releases.current() == site.old:
        assert cut_off(site.places, site.delta, next(steps))
    with pytest.raises(RolledBack):
        update(site.box(site.new), site.delta, force=False)
    assert site.releases.current() == site.old
    assert site.left_over() == []
