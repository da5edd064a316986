"""The bundles of a box: checked, kept beside their releases, and renewed by deltas."""

from datetime import UTC, datetime
from pathlib import Path

from deploy.airgap import disk, incoming
from deploy.airgap.site import Installed, Site
from deploy.box.errors import BoxError
from deploy.box.places import HOME, Places
from deploy.box.release import Releases


class BoxSite(Site):
    """What a box keeps of bundles: where nobody but root writes."""

    @property
    def folder(self) -> Path:
        """Where bundles are kept."""
        return Places(self.root).bundles

    def installed(self) -> Installed | None:
        """The bundle of the release that runs; None if it was made from a checkout."""
        releases = Releases(Places(self.root))
        current = releases.current()
        note = releases.note(current) if current in releases.names() else None
        if note is None or note.bundle is None:
            return None
        return Installed(
            version=note.version,
            identity=note.bundle,
            since=datetime.now(UTC),
            previous=None,
            overlay=None,
            host="",
        )


def bring(places: Places, given: Path, *, force: bool) -> Path:
    """Have a bundle, or what a delta makes of the installed one, as a folder; where that is.

    Raises BoxError, BadBundle, WrongBase, OlderVersion or NoRoom.
    """
    site = BoxSite(places.root)
    if not site.key.is_file():
        raise BoxError(
            f"{site.key} is missing: give the key that bundles are signed with once,"
            " by --public-key"
        )
    found = incoming.read(given, site.key)
    incoming.admit(found, site.installed())
    return incoming.bring(found, site, force=force)


def prune(places: Places) -> None:
    """Remove the bundles that no release was made from."""
    site, releases = BoxSite(places.root), Releases(places)
    notes = [releases.note(name) for name in releases.names()]
    keep = {site.bundle(note.bundle) for note in notes if note.bundle}
    for path in site.bundles():
        if path not in keep:
            disk.remove(path)


def bring_models(places: Places, bundle: Path) -> str:
    """Put a bundle's speech models where the settings may name them; the first one's folder."""
    found = sorted(path for path in (bundle / "models").glob("*") if path.is_dir())
    for model in found:
        target = places.home / "models" / model.name
        if not target.exists():
            _copy(model, target)
    return f"{HOME}/models/{found[0].name}" if found else ""


def _copy(folder: Path, target: Path) -> None:
    draft = disk.folder(target.with_name(target.name + disk.DRAFT))
    for path in sorted(folder.rglob("*")):
        place = draft / path.relative_to(folder)
        if path.is_dir():
            disk.folder(place)
        else:
            disk.place(path, place)
    disk.rename(draft, target)
