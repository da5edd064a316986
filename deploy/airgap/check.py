"""Shows what updates cost on a thin line: `make airgap-check`.

    python -m deploy.airgap.check [--images FOLDER]

Two updates of the whole system (the three images, the manifests, the wheelhouse, EchoBase's wheel)
are made and brought to a scratch site: one of code only, one of a dependency's patch release. The
new release is what `make images` built; the old one is the same with the files exchanged that the
update changes: those of the last commit that changed a service, or those of the other release of
the dependency, from PyPI. Exit 1 if a delta is larger than it may be, or is not restored.
"""

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.airgap import bundle as bundles
from deploy.airgap import delta, disk, keys, manifest, render, rendered, rewritten, wheelhouse
from deploy.airgap.apply import Applier
from deploy.airgap.bundle import Origin, Parts
from deploy.airgap.cluster import Cluster
from deploy.airgap.errors import AirgapError, BadBundle
from deploy.airgap.rewritten import Edits
from deploy.airgap.site import Site
from shared.errors import EchoBaseError

IMAGES = ("echobase-ingest", "echobase-stream", "echobase-transcriber")
CODE_LIMIT = 150_000
"""Bytes that an update of code alone may take."""
OVERLAY = "edge-cpu"
NEW = datetime(2026, 1, 2, tzinfo=UTC)
PATCHED = {
    "minio": ("7.2.19", "53093c99c8716fdd089aec2e29bff28fe20f962334a096b72c6e6201e32628e0"),
    "numpy": ("2.4.5", "07ce7e74da92d7c71b5df157b9758bcdd53d7fea10602154de3afd2b3ddc34dd"),
}
"""The patch releases before those in the locks, and the SHA-256 of their wheels."""
_CACHE = wheelhouse.ROOT / ".cache"
_SITE_PACKAGES = "opt/echobase/lib/python3.11/site-packages"


@dataclass(frozen=True)
class Release:
    """What differs between releases."""

    images: Path
    wheels: Path
    code: Path


@dataclass(frozen=True)
class Update:
    """An update to measure: from what, and how large it may be."""

    name: str
    old: Release
    limit: int


@click.command()
@click.option(
    "--images",
    type=click.Path(exists=True, path_type=Path),
    default=wheelhouse.ROOT / "artifacts/images",
    help="Where `make images` put them.",
)
def main(images: Path) -> None:
    """Measure what updates cost."""
    scratch = wheelhouse.ROOT / "artifacts"
    with tempfile.TemporaryDirectory(prefix="airgap-", dir=scratch) as folder:
        lab = Lab(Path(folder), images)
        good = [lab.measure(update) for update in lab.updates()]
    sys.exit(0 if all(good) else 1)


class Lab:
    """Makes releases and updates in a folder, and brings them to sites in it."""

    def __init__(self, folder: Path, images: Path) -> None:
        for image in IMAGES:
            if not (images / f"{image}.tar").is_file():
                raise AirgapError(f"{images / image}.tar is missing: run `make images` first")
        self._folder = folder
        keys.new(folder / "key.pem", folder / "key.pub.pem")
        self._key: Ed25519PrivateKey = keys.read_private(folder / "key.pem")
        self._manifests = render.render(OVERLAY)
        wheels = _CACHE / "wheelhouse"
        wheelhouse.download(wheels, find=[_CACHE / "wheels"])
        code = wheelhouse.own_wheel(folder / "code", int(NEW.timestamp()))
        self._new = Release(images, wheels, code)
        self._bundle = self._made("new", self._new, NEW)

    def _made(self, name: str, release: Release, created: datetime) -> Path:
        named = rendered.images(rendered.documents(self._manifests))
        ours = {rendered.full_name(f"{image}:0.1.0") for image in IMAGES}
        parts = Parts(
            images=release.images,
            manifests={OVERLAY: self._manifests},
            elsewhere=named - ours,
            wheels=release.wheels,
            code=release.code,
        )
        origin = Origin("0.1.0", name, created)
        folder = self._folder / f"echobase-{name}"
        bundles.make(parts, origin, folder, self._key)
        return folder

    def updates(self) -> Iterator[Update]:
        """The updates to measure."""
        commit, edits = last_change()
        click.echo(f"New: {self._new.images}, EchoBase {self._new.code.name}")
        yield Update(f"code: {len(edits)} files of {commit}", self._other_code(edits), CODE_LIMIT)
        for name in PATCHED:
            yield self._other_package(name)

    def _other_code(self, edits: Edits) -> Release:
        code = self._folder / "old-code" / self._new.code.name
        code.parent.mkdir()
        rewritten.wheel(self._new.code, code, edits)
        placed = {f"app/{path}": content for path, content in edits.items()}
        return Release(self._other_images("code", placed), self._new.wheels, code)

    def _other_package(self, name: str) -> Update:
        old = fetch(name)
        [new] = self._new.wheels.glob(f"{name}-*.whl")
        wheels = self._folder / f"wheels-{name}"
        shutil.copytree(self._new.wheels, wheels, copy_function=_link)
        (wheels / new.name).unlink()
        shutil.copy(old, wheels / old.name)
        edits: dict[str, bytes | None] = dict.fromkeys(_installed(new))
        edits |= _installed(old)
        release = Release(self._other_images(name, edits), wheels, self._new.code)
        title = f"{old.name.split('-')[0]} {old.name.split('-')[1]} to {new.name.split('-')[1]}"
        return Update(title, release, new.stat().st_size)

    def _other_images(self, name: str, edits: Edits) -> Path:
        folder = self._folder / f"images-{name}"
        folder.mkdir()
        for image in IMAGES:
            source = self._new.images / f"{image}.tar"
            if not rewritten.image(source, folder / source.name, edits):
                _link(source, folder / source.name)
        return folder

    def measure(self, update: Update) -> bool:
        """Make an update's delta, bring it to a site, and print what was seen."""
        old = self._made("old", update.old, NEW - timedelta(days=1))
        path = self._folder / "update.delta.tar.zst"
        delta.make(old, self._bundle, path, self._key)
        size = path.stat().st_size
        click.echo(f"\n{update.name}: {size:,} bytes (at most {update.limit:,})")
        site = Site(self._folder / "site", self._folder / "key.pub.pem")
        applier = Applier(site, Cluster(), lambda _: None)
        applier.apply(old, overlay="", host=None)
        results = {
            "refused with a wrong byte": self._refused(applier, path),
            "restored byte for byte": self._applied(applier, site, path),
            "applied twice without harm": self._applied(applier, site, path),
            "small enough": size <= update.limit,
        }
        for what, is_so in results.items():
            click.echo(f"  {what}: {'yes' if is_so else 'NO'}")
        disk.remove(site.root)
        return all(results.values())

    def _applied(self, applier: Applier, site: Site, path: Path) -> bool:
        applier.apply(path, overlay="", host=None)
        installed = site.installed()
        if installed is None:
            return False
        restored = site.bundle(installed.identity)
        return all(
            (restored / name).stat().st_size == (self._bundle / name).stat().st_size
            and manifest.file_digest(restored / name) == manifest.file_digest(self._bundle / name)
            for name in {*manifest.plain_files(self._bundle), *manifest.plain_files(restored)}
        )

    def _refused(self, applier: Applier, path: Path) -> bool:
        content = bytearray(path.read_bytes())
        bad = self._folder / "bad.delta.tar.zst"
        for place in (len(content) // 3, len(content) // 2, len(content) - 9):
            wrong = content.copy()
            wrong[place] ^= 1
            bad.write_bytes(wrong)
            try:
                applier.apply(bad, overlay="", host=None)
            except BadBundle:
                continue
            return False
        return True


def last_change() -> tuple[str, dict[str, bytes]]:
    """The last commit that changed a service's or shared code: what its files were before."""
    paths = ["services/*.py", "shared/*.py"]
    commit = wheelhouse.run(
        ["git", "log", "-1", "--diff-filter=M", "--format=%h", "--", *paths]
    ).strip()
    shown = ["git", "show", "--format=", "--name-only", "--diff-filter=M", commit, "--", *paths]
    return commit, {
        path: wheelhouse.run(["git", "show", f"{commit}~:{path}"]).encode()
        for path in wheelhouse.run(shown).split()
    }


def fetch(name: str) -> Path:
    """The wheel of the patch release before, from PyPI. Raises AirgapError."""
    version, sha = PATCHED[name]
    target = _CACHE / "patched" / name
    target.mkdir(parents=True, exist_ok=True)
    lock = target / "lock.txt"
    lock.write_text(f"{name}=={version} --hash=sha256:{sha}\n")
    wheelhouse.pip_download(lock, target)
    [found] = target.glob("*.whl")
    return found


def _installed(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as packed:
        return {
            f"{_SITE_PACKAGES}/{entry.filename}": packed.read(entry)
            for entry in packed.infolist()
            if not entry.is_dir()
        }


def _link(source: Path | str, target: Path | str) -> None:
    Path(target).hardlink_to(source)


if __name__ == "__main__":
    try:
        main()
    except EchoBaseError as error:
        sys.exit(f"airgap-check: {error}")
