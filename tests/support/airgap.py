"""Small bundles, and a site to bring them to."""

import io
import json
import random
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.airgap import keys, manifest
from deploy.airgap.manifest import File, Manifest, Role

_ROLES: Mapping[str, Role] = {
    "images": "image",
    "wheels": "wheel",
    "requirements": "lock",
    "code": "code",
    "k3s": "manifest",
    "models": "model",
}
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def key_pair(folder: Path) -> tuple[Ed25519PrivateKey, Path]:
    """A new key, and the PEM file of its public half."""
    private, public = folder / "key.pem", folder / "key.pub.pem"
    if not private.exists():
        keys.new(private, public)
    return keys.read_private(private), public


def noise(size: int, seed: int) -> bytes:
    """Bytes that cannot be packed."""
    return random.Random(seed).randbytes(size)


def tar(files: Mapping[str, bytes]) -> bytes:
    """An archive without times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def image(name: str, layers: list[Mapping[str, bytes]]) -> bytes:
    """An archive as `docker save` writes it, its layers not packed."""
    blobs = [tar(layer) for layer in layers]
    files = {f"{manifest.digest(blob)}.tar": blob for blob in blobs}
    config = json.dumps({"rootfs": {"diff_ids": [f"sha256:{n[:-4]}" for n in files]}}).encode()
    called = f"{manifest.digest(config)}.json"
    listed = [{"Config": called, "RepoTags": [name], "Layers": list(files)}]
    return tar({**files, called: config, "manifest.json": json.dumps(listed).encode()})


def wheel(files: Mapping[str, bytes], *, stored: bool = False) -> bytes:
    """A wheel without times."""
    buffer = io.BytesIO()
    how = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, how)
    return buffer.getvalue()


def bundle(
    folder: Path,
    files: Mapping[str, bytes],
    key: Ed25519PrivateKey,
    *,
    version: str = "0.1.0",
    created: datetime = CREATED,
) -> Path:
    """Write a bundle's folder, signed."""
    listed: list[File] = []
    for name, content in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        role = _ROLES.get(name.partition("/")[0], "program")
        listed.append(
            File(path=name, size=len(content), sha256=manifest.digest(content), role=role)
        )
    sign(folder, Manifest(version=version, commit="0" * 40, created=created, files=(*listed,)), key)
    return folder


def sign(folder: Path, what: Manifest, key: Ed25519PrivateKey) -> None:
    """Write a manifest and its signature."""
    content = manifest.encode(what)
    (folder / manifest.MANIFEST).write_bytes(content)
    (folder / manifest.SIGNATURE).write_bytes(key.sign(content))
