"""What an archive of images holds: names and digests, as `docker save` or OCI's layout says."""

import tarfile
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from deploy.airgap.errors import BadBundle
from deploy.airgap.rendered import full_name

_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip's and zstd's files begin."""


class _Saved(Struct, rename="pascal"):
    config: str
    repo_tags: list[str] | None = None
    layers: list[str] = []


class _Descriptor(Struct):
    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    annotations: dict[str, str] = {}


class _Index(Struct):
    manifests: list[_Descriptor]


class _Layers(Struct):
    layers: list[_Descriptor] = []


def held(archive: Path) -> dict[str, str]:
    """The images of an archive: by full name, something that changes with their content.

    Raises BadBundle if it is no such archive, or if its layers are packed: packed layers differ in
    every byte as soon as they differ in one, which makes deltas large.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            names = set(tar.getnames())
            if "manifest.json" in names:
                return _saved(tar, archive)
            if "index.json" in names:
                return _layout(tar, archive)
    except (tarfile.TarError, KeyError, msgspec.DecodeError) as error:
        raise BadBundle(f"{archive} is no archive of images: {error}") from None
    raise BadBundle(f"{archive} is no archive of images: it has no manifest.json and no index.json")


def _saved(tar: tarfile.TarFile, archive: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for image in msgspec.json.decode(_read(tar, "manifest.json"), type=list[_Saved]):
        for layer in image.layers:
            _check_layer(tar, layer, archive)
        digest = Path(image.config).stem
        found |= {full_name(name): f"sha256:{digest}" for name in image.repo_tags or []}
    return found


def _layout(tar: tarfile.TarFile, archive: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for image in msgspec.json.decode(_read(tar, "index.json"), type=_Index).manifests:
        layers = msgspec.json.decode(_read(tar, _blob(image)), type=_Layers).layers
        for layer in layers:
            _check_layer(tar, _blob(layer), archive)
        notes = image.annotations
        name = notes.get("io.containerd.image.name") or notes.get(
            "org.opencontainers.image.ref.name"
        )
        if name:
            found[full_name(name)] = image.digest
    return found


def _blob(descriptor: _Descriptor) -> str:
    return f"blobs/{descriptor.digest.replace(':', '/')}"


def _read(tar: tarfile.TarFile, name: str, size: int = -1) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    with file:
        return file.read(size)


def _check_layer(tar: tarfile.TarFile, name: str, archive: Path) -> None:
    if _read(tar, name, 4).startswith(_PACKED):
        raise BadBundle(f"{archive}: the layer {name} is packed; export it unpacked")
