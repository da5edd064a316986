"""Installing, updating and removing: what is done to a box, in order.

Each step may be done again, so that whatever was cut off is finished by doing it all again.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from deploy.airgap import disk
from deploy.box import bundles, config
from deploy.box.errors import BoxError
from deploy.box.files import link, write
from deploy.box.places import HOME, OURS, UNITS, Places
from deploy.box.release import Note, Releases
from deploy.box.source import Source, of_bundle, of_checkout
from deploy.box.switch import Switch
from deploy.box.system import Manager, NoManager, Systemd, interpreter, make_user
from deploy.box.units import MAIN, made

_COMMAND = f"""\
#!/bin/sh
# EchoBase's commands, with the settings of this box.
exec "$(readlink -f {HOME}/current)/bin/python" -P -m deploy.box.cli "$@"
"""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Box:
    """A box, and how it is talked to."""

    places: Places
    tell: Tell
    patience: float = 300.0
    """Seconds for a release to become healthy."""
    manager: Manager = field(default_factory=NoManager)

    @property
    def releases(self) -> Releases:
        """Its releases."""
        return Releases(self.places)

    @property
    def switch(self) -> Switch:
        """Its switches."""
        return Switch(self.places, self.manager, self.patience, self.tell)


def box(root: Path, tell: Tell, patience: float) -> Box:
    """The machine itself (`root` is `/`), or a folder that stands for one."""
    # `//` and `/tmp/..` are the machine, too.
    places = Places(root.resolve())
    return Box(places, tell, patience, NoManager() if places.scratch else Systemd(places))


@dataclass(frozen=True)
class Wishes:
    """What is chosen at the first install; later the settings say it."""

    bind: str = ""
    model: str = ""
    public_key: Path | None = None


def install(target: Box, wishes: Wishes, given: Path | None, checkout: Path, *, force: bool) -> str:
    """Install from a bundle, or from a checkout if None is given; the release's name.

    Raises BoxError, SettingError, BadBundle, BootstrapError.
    """
    places = target.places
    existing = config.read_settings(places.settings)
    config.check(existing)
    python = interpreter(strict=not places.scratch)
    if wishes.public_key:
        write(places.public_key, wishes.public_key.read_text())
    bundle = bundles.bring(places, given, force=force) if given else None
    with TemporaryDirectory() as scratch:
        if bundle:
            source = of_bundle(bundle, Path(scratch))
        else:
            source = of_checkout(checkout, Path(scratch), python)
        target.tell(f"the source of {source.release} is there")
        refuse_older(target.releases, source, force=force)
        release = target.releases.make(source, python)
    target.tell("the release is made")
    who = make_user(places)
    model = bundles.bring_models(places, bundle) if bundle else ""
    if not places.settings.exists():
        first = config.chosen(
            existing,
            bind=wishes.bind,
            model=wishes.model or model or ("demo" if bundle else ""),
            offline=bundle is not None,
        )
        config.check(first)
        write(places.settings, config.first_settings(first), 0o640)
    who.give(places.etc, 0o750, group_only=True)
    who.give(places.settings, 0o640, group_only=True)
    places.data.mkdir(parents=True, exist_ok=True)
    who.give(places.data, 0o750)
    write(places.command, _COMMAND, 0o755)
    link(places.enabled, f"{UNITS}/{MAIN}")
    target.tell("user, settings and command are there")
    target.switch.to(release)
    return release


def update(target: Box, given: Path, *, force: bool) -> str:
    """Bring in a bundle or a delta; the release's name. Raises as `install`, and RolledBack."""
    places = target.places
    if target.releases.current() is None:
        raise BoxError("nothing is installed here: `echobase install` comes first")
    target.switch.recover()
    with TemporaryDirectory() as scratch:
        bundle = bundles.bring(places, given, force=force)
        target.tell("the bundle is there")
        source = of_bundle(bundle, Path(scratch))
        refuse_older(target.releases, source, force=force)
        release = target.releases.make(source, interpreter(strict=not places.scratch))
    target.tell("the release is made")
    bundles.bring_models(places, bundle)
    if release != target.releases.current():
        target.switch.to(release)
    return release


def uninstall(target: Box, *, purge: bool) -> None:
    """Remove what was installed; data, settings and user stay unless `purge`. Raises BoxError."""
    places = target.places
    target.manager.stop()
    places.enabled.unlink(missing_ok=True)
    for path in made(places):
        path.unlink()
    target.manager.reload()
    places.command.unlink(missing_ok=True)
    _clear_home(places)
    if purge:
        for path in (places.data, places.etc):
            shutil.rmtree(path, ignore_errors=True)
        places.users.unlink(missing_ok=True)


def _clear_home(places: Places) -> None:
    """Remove what is ours. Somebody may have put a checkout, or notes, beside it."""
    if not places.home.exists():
        return
    gone = places.home / ".removed"
    disk.remove(gone)
    gone.mkdir()
    for name in OURS:
        # Each out of the way in one step: half of it would be in the way of the next install.
        with suppress(FileNotFoundError):
            (places.home / name).rename(gone / name)
    shutil.rmtree(gone)
    if not any(places.home.iterdir()):
        places.home.rmdir()


def refuse_older(releases: Releases, source: Source, *, force: bool) -> None:
    """Raise BoxError if a source is older than what runs, unless forced."""
    current = releases.current()
    if force or current is None or current not in releases.names():
        return
    if _is_older(source, releases.note(current)):
        raise BoxError(
            f"{source.release} is older than {current}, which is installed;"
            " --force installs it nevertheless"
        )


def _is_older(new: Source | Note, old: Source | Note) -> bool:
    """A checkout has no date: of one version it is as good as a bundle."""
    versions = Version(new.version), Version(old.version)
    if versions[0] != versions[1]:
        return versions[0] < versions[1]
    return bool(new.created and old.created and new.created < old.created)


def summary(places: Places) -> Mapping[str, str]:
    """What a person wants to know after an install."""
    env = config.read_settings(places.settings)
    port = env.get("ECHOBASE_STREAM_PORT", "3000")
    return {
        "page": env.get("ECHOBASE_PUBLIC_URL") or f"http://localhost:{port}/",
        "settings": str(places.settings),
        "model": env.get("WHISPER_MODEL_NAME", ""),
    }
