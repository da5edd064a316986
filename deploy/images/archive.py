"""An image as one file, the same to the byte for the same layers.

The layout is OCI's, with Docker's `manifest.json` beside it, as `docker save` writes both. Layers
are not compressed: two archives differ by what changed, and whoever sends one compresses it whole.
"""

import hashlib
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import msgspec
from msgspec import Struct

_SHORT = "docker.io/library/"
"""What a short name stands for to containerd, which does not complete names by itself."""


class Blob(Struct, frozen=True):
    """A descriptor of OCI's: digest and size of one blob."""

    digest: str
    """`sha256:` and 64 hex digits."""
    size: int
    """Bytes."""

    @property
    def path(self) -> str:
        """Where it lies in an archive."""
        return f"blobs/{self.digest.replace(':', '/')}"


class _Manifest(Struct, frozen=True):
    config: Blob
    layers: list[Blob]


@dataclass(frozen=True)
class Exported:
    """An image's manifest and blobs in a folder, as `Storage.export` leaves them."""

    folder: Path
    manifest: bytes
    config: Blob
    layers: Sequence[Blob]

    @property
    def digest(self) -> str:
        """The image's digest: what a manifest of Kubernetes pins it by."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"

    def file(self, blob: Blob) -> Path:
        """A blob's file."""
        return self.folder / blob.digest.removeprefix("sha256:")


def exported(folder: Path) -> Exported:
    """What lies in a folder."""
    content = (folder / "manifest.json").read_bytes()
    manifest = msgspec.json.decode(content, type=_Manifest)
    return Exported(folder, content, manifest.config, manifest.layers)


def pack(image: Exported, name: str, target: Path) -> None:
    """Write an image's archive; `name` holds its tag.

    The base comes first and the code last: what two archives share is at their beginning.
    """
    manifest = Blob(image.digest, len(image.manifest))
    parts: list[tuple[str, bytes | Path]] = [
        ("oci-layout", msgspec.json.encode({"imageLayoutVersion": "1.0.0"})),
        *((blob.path, image.file(blob)) for blob in (*image.layers, image.config)),
        (manifest.path, image.manifest),
        ("index.json", _index(manifest, name)),
        ("manifest.json", _docker(image, name)),
    ]
    draft = target.with_suffix(".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in parts:
            _add(tar, path, content)
    draft.replace(target)


def _add(tar: tarfile.TarFile, path: str, content: bytes | Path) -> None:
    entry = tarfile.TarInfo(path)
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(entry, file)


def _index(manifest: Blob, name: str) -> bytes:
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": manifest.digest,
        "size": manifest.size,
        "annotations": {
            "io.containerd.image.name": name if "/" in name else _SHORT + name,
            "org.opencontainers.image.ref.name": name,
        },
    }
    return msgspec.json.encode({"schemaVersion": 2, "manifests": [entry]})


def _docker(image: Exported, name: str) -> bytes:
    entry = {
        "Config": image.config.path,
        "RepoTags": [name],
        "Layers": [blob.path for blob in image.layers],
    }
    return msgspec.json.encode([entry])
