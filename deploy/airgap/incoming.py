"""A bundle or a delta as it arrives, and the whole bundle that a site makes of it.

Nothing of it is used before its signature and its SHA-256 were checked.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from packaging.version import Version

from deploy.airgap import archive, disk, keys, manifest, recipe
from deploy.airgap.errors import BadBundle, OlderVersion, WrongBase
from deploy.airgap.manifest import Manifest
from deploy.airgap.recipe import Delta
from deploy.airgap.restore import restore
from deploy.airgap.site import Installed, Site

_LARGEST = 64 << 20
"""Bytes of a manifest that are read into memory."""


@dataclass(frozen=True)
class Incoming:
    """What arrived; its signature is right."""

    path: Path
    version: str
    to: str
    """Identity of the bundle that it is, or that it leads to."""
    delta: Delta | None
    """How to get there; None for a whole bundle."""
    size: int = 0
    """Bytes that a whole bundle takes."""
    overlays: tuple[str, ...] = ()
    """Overlays that a whole bundle has manifests of."""


def read(path: Path, public_key: Path) -> Incoming:
    """What a file or folder is. Raises BadBundle if it is not signed by the site's key."""
    key = keys.read_public(public_key)
    if path.is_dir():
        content = manifest.read_plain(path / manifest.MANIFEST)
        signature = manifest.read_plain(path / manifest.SIGNATURE)
        return _bundle(path, content, signature, key)
    head = _head(path)
    if recipe.DELTA in head:
        content, signature = head[recipe.DELTA], head[recipe.SIGNATURE]
        manifest.check_signature(content, signature, key, recipe.DELTA)
        delta = recipe.decode(content)
        return Incoming(path, delta.to.version, delta.to.identity, delta)
    return _bundle(path, head[manifest.MANIFEST], head[manifest.SIGNATURE], key)


def _head(path: Path) -> dict[str, bytes]:
    """The first two files of an archive: a description and its signature."""
    head: dict[str, bytes] = {}
    for name, content, size in archive.entries(path):
        if size > _LARGEST:
            break
        head[name] = b"".join(content)
        if len(head) == 2:
            break
    if set(head) not in (
        {recipe.DELTA, recipe.SIGNATURE},
        {manifest.MANIFEST, manifest.SIGNATURE},
    ):
        raise BadBundle(f"{path} begins with no signed description: it is no bundle and no delta")
    return head


def _bundle(path: Path, content: bytes, signature: bytes, key: Ed25519PublicKey) -> Incoming:
    manifest.check_signature(content, signature, key, manifest.MANIFEST)
    found = manifest.decode(content)
    size = sum(file.size for file in found.files)
    overlays = tuple(Path(file.path).stem for file in found.by_role("manifest"))
    return Incoming(path, found.version, manifest.digest(content), None, size, overlays)


def admit(incoming: Incoming, installed: Installed | None) -> None:
    """Raise WrongBase if a delta does not fit what the site has."""
    if incoming.delta is None or (installed and installed.identity == incoming.to):
        return
    base = incoming.delta.base
    if installed is None:
        raise WrongBase("nothing is installed here: a whole bundle has to come first")
    if installed.identity != base.identity:
        raise WrongBase(
            f"the delta is for {base.version} ({base.identity[:16]}),"
            f" and the site has {installed.version} ({installed.identity[:16]})"
        )


def admit_age(new: Manifest, site: Site, installed: Installed | None) -> None:
    """Raise OlderVersion if a bundle is older than what the site has."""
    if installed is None:
        return
    try:
        held = manifest.signed(site.bundle(installed.identity), site.key)
    except BadBundle:
        # Damaged, it is mended by a whole bundle; how old it is, the site knows by its version.
        older, what = Version(new.version) < Version(installed.version), installed.version
    else:
        older, what = new.order < held.order, f"{held.version} of {held.created:%Y-%m-%d %H:%M}"
    if older:
        raise OlderVersion(
            f"{new.version} of {new.created:%Y-%m-%d %H:%M} is older than what the site has,"
            f" {what}; --force installs it nevertheless"
        )


def bring(incoming: Incoming, site: Site, *, force: bool = False) -> Path:
    """Have what arrived as a whole bundle on the disk: its folder. What is there is kept.

    Raises BadBundle, OlderVersion or NoRoom; then nothing but drafts was written.
    """
    target, draft = site.bundle(incoming.to), site.draft(incoming.to)
    if _is_whole(target, site):
        return target
    disk.folder(draft)
    try:
        with disk.room(site.folder):
            _fill(incoming, site, draft)
        found = manifest.verify(draft, site.key)
        if manifest.file_digest(draft / manifest.MANIFEST) != incoming.to:
            raise BadBundle("the bundle changed while it was read")
        if not force:
            admit_age(found, site, site.installed())
    except (BadBundle, OlderVersion):
        # A draft that is wrong would stand in the way of what is right.
        disk.remove(draft)
        raise
    finally:
        disk.remove(site.incoming)
    # If there is one, it is damaged.
    disk.discard(target)
    disk.rename(draft, target)
    return target


def _is_whole(folder: Path, site: Site) -> bool:
    try:
        manifest.verify(folder, site.key)
    except (BadBundle, FileNotFoundError):
        return False
    return True


def _fill(incoming: Incoming, site: Site, draft: Path) -> None:
    if incoming.delta:
        _restore(incoming.path, incoming.delta, site, draft)
        return
    held = sum((draft / name).stat().st_size for name in manifest.plain_files(draft))
    disk.need(draft, max(0, incoming.size - held))
    if incoming.path.is_dir():
        _copy(incoming.path, draft)
    else:
        archive.unpack(incoming.path, draft)


def _copy(folder: Path, draft: Path) -> None:
    for name in manifest.plain_files(folder):
        manifest.check_path(name)
        disk.folder((draft / name).parent)
        # Not linked: who brought the folder may write to it.
        disk.write(draft / name, disk.blocks(folder / name))


def _restore(path: Path, delta: Delta, site: Site, draft: Path) -> None:
    installed = site.installed()
    if installed is None or installed.identity != delta.base.identity:
        raise BadBundle("what the site has is damaged: bring the whole bundle")
    disk.remove(site.incoming)
    archive.unpack(path, disk.folder(site.incoming))
    patches = site.incoming / recipe.PATCHES
    if not patches.is_file() or manifest.file_digest(patches) != delta.patches:
        raise BadBundle(f"{path} is damaged: its patches are not those that were signed")
    restore(delta, patches, site.bundle(delta.base.identity), draft, site.key)
