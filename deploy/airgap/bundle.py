"""Makes a bundle: everything that a site needs, listed, checked and signed."""

import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.airgap import archive, images, manifest, rendered, wheelhouse
from deploy.airgap.errors import AirgapError, BadBundle
from deploy.airgap.manifest import File, Manifest, Role

INSTALLER = Path(__file__).with_name("install.sh")
_WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)-.*\.whl\Z")
_ROLES: Mapping[str, Role] = {
    "images": "image",
    "wheels": "wheel",
    "requirements": "lock",
    "code": "code",
    "k3s": "manifest",
    "models": "model",
    "install.sh": "program",
}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a bundle is made of."""

    images: Path | None = None
    """Folder of image archives, `*.tar`; of these, those that the manifests name."""
    manifests: Mapping[str, str] = field(default_factory=dict[str, str])
    """Rendered YAML by overlay."""
    elsewhere: Collection[str] = ()
    """Images that the manifests name and that the site has from somewhere else."""
    wheels: Path | None = None
    """Folder of packages."""
    code: Path | None = None
    """EchoBase's own wheel."""
    models: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Folders of speech models by name."""


@dataclass(frozen=True)
class Origin:
    """What a bundle is made from."""

    version: str
    commit: str
    created: datetime


def origin(version: str | None = None) -> Origin:
    """This checkout: its version, its commit and the commit's time."""
    commit = wheelhouse.run(["git", "rev-parse", "HEAD"]).strip()
    when = wheelhouse.run(["git", "show", "--no-patch", "--format=%ct", "HEAD"]).strip()
    changed = wheelhouse.run(["git", "status", "--porcelain", "--", *wheelhouse.PACKAGES])
    created = datetime.fromtimestamp(int(time.time() if changed else when), UTC)
    mark = "+changed" if changed else ""
    return Origin(version or installed_version("echobase"), f"{commit}{mark}", created)


def make(parts: Parts, made_from: Origin, folder: Path, key: Ed25519PrivateKey) -> Manifest:
    """Write a bundle's folder; an older one of the same name is replaced.

    Raises BadBundle if a manifest names an image that no archive has, or if a part is none.
    """
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _cluster(parts, draft)
    _python(parts, draft)
    for name, model in parts.models.items():
        # Models of the hub are folders of links.
        shutil.copytree(model, draft / "models" / name, ignore=shutil.ignore_patterns(".*"))
    shutil.copy(INSTALLER, draft / INSTALLER.name)
    made = Manifest(
        version=made_from.version,
        commit=made_from.commit,
        created=made_from.created,
        files=tuple(_listed(draft, name) for name in manifest.plain_files(draft)),
    )
    content = manifest.encode(made)
    manifest.decode(content)
    (draft / manifest.MANIFEST).write_bytes(content)
    (draft / manifest.SIGNATURE).write_bytes(key.sign(content))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return made


def pack(folder: Path) -> Path:
    """A bundle's folder as one file beside it."""
    target = folder.with_name(f"{folder.name}.tar.zst")
    archive.pack(folder, target, [manifest.SIGNATURE, manifest.MANIFEST])
    return target


def _images(parts: Parts, wanted: Set[str], draft: Path) -> dict[str, str]:
    """Copy the archives that hold an image that is wanted: by full name, what each holds."""
    digests: dict[str, str] = {}
    for path in sorted(parts.images.glob("*.tar")) if parts.images else ():
        found = images.held(path)
        if wanted & found.keys():
            digests |= found
            _copy(path, draft / "images" / path.name)
    return digests


def _cluster(parts: Parts, draft: Path) -> None:
    """Write the images and the manifests of the bundle."""
    overlays = {name: rendered.documents(text) for name, text in parts.manifests.items()}
    wanted = {name: rendered.images(documents) for name, documents in overlays.items()}
    digests = _images(parts, set[str]().union(*wanted.values()), draft)
    known = {rendered.full_name(image) for image in parts.elsewhere} | digests.keys()
    for overlay, documents in overlays.items():
        if lacking := sorted(wanted[overlay] - known):
            raise BadBundle(
                f"{overlay} runs images that no archive has: {', '.join(lacking)};"
                " add their archives, or name them as --elsewhere if the site has them"
            )
        rendered.stamp(documents, digests)
        target = draft / "k3s" / f"{overlay}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rendered.text(documents), "utf-8")


def _python(parts: Parts, draft: Path) -> None:
    for path in sorted(parts.wheels.glob("*.whl")) if parts.wheels else ():
        _copy(path, draft / "wheels" / path.name)
    if parts.wheels:
        for lock in wheelhouse.LOCKS:
            _copy(wheelhouse.lock_path(lock), draft / "requirements" / f"{lock}.txt")
    if parts.code:
        _copy(parts.code, draft / "code" / parts.code.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _listed(folder: Path, name: str) -> File:
    path = folder / name
    role = _ROLES[name.partition("/")[0]]
    return File(
        path=manifest.check_path(name),
        size=path.stat().st_size,
        sha256=manifest.file_digest(path),
        role=role,
        holds=tuple(_held(path, role)),
    )


def _held(path: Path, role: Role) -> Iterator[str]:
    if role == "image":
        yield from (f"{name}@{digest}" for name, digest in sorted(images.held(path).items()))
    elif role in ("wheel", "code"):
        match = _WHEEL.match(path.name)
        if match is None:
            raise AirgapError(f"{path.name} is no wheel's name")
        yield f"{match['name'].replace('_', '-').lower()}=={match['version']}"
