"""Images into a registry on the site's own network, from their archives.

With skopeo if it is there. Otherwise by the least of the protocol that an upload needs, which the
OCI's distribution specification describes (https://github.com/opencontainers/distribution-spec,
"Push"): each blob by POST and PUT, unless HEAD finds it, then the manifest by PUT.
"""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import msgspec
from msgspec import Struct

from deploy.airgap import disk, wheelhouse
from deploy.airgap.errors import AirgapError, BadBundle

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SHORT = "docker.io/library/"


class _Blob(Struct):
    digest: str
    size: int
    annotations: dict[str, str] = {}


class _Manifest(Struct):
    config: _Blob
    layers: list[_Blob]


class _Index(Struct):
    manifests: list[_Blob]


def push(archive: Path, registry: str, *, plain: bool) -> list[str]:
    """Put the images of an OCI archive into a registry (`host:port`): their names there.

    `plain`: without TLS. Raises AirgapError if the registry refuses, BadBundle if it is no such
    archive.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            index = msgspec.json.decode(_member(tar, "index.json").read(), type=_Index)
            names = [_name(image, registry, archive) for image in index.manifests]
            if shutil.which("skopeo"):
                for name in names:
                    _skopeo(archive, name, plain=plain)
            else:
                for image, name in zip(index.manifests, names, strict=True):
                    _push(tar, image, name, plain=plain)
    except (tarfile.TarError, KeyError, msgspec.DecodeError) as error:
        raise BadBundle(f"{archive} is no OCI archive: {error}") from None
    except httpx.HTTPError as error:
        raise AirgapError(f"{registry}: {error}") from None
    return names


def _name(image: _Blob, registry: str, archive: Path) -> str:
    notes = image.annotations
    name = notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name")
    if not name:
        raise BadBundle(f"{archive}: an image has no name")
    return f"{registry}/{name.removeprefix(_SHORT)}"


def _skopeo(archive: Path, name: str, *, plain: bool) -> None:
    options = ["--dest-tls-verify=false"] if plain else []
    wheelhouse.run(["skopeo", "copy", *options, f"oci-archive:{archive}", f"docker://{name}"])


def _push(tar: tarfile.TarFile, image: _Blob, name: str, *, plain: bool) -> None:
    registry, _, rest = name.partition("/")
    repository, _, tag = rest.rpartition(":")
    content = _member(tar, _path(image)).read()
    manifest = msgspec.json.decode(content, type=_Manifest)
    base = f"{'http' if plain else 'https'}://{registry}/v2/{repository}/"
    with httpx.Client(base_url=base, timeout=60, follow_redirects=True) as client:
        for blob in (*manifest.layers, manifest.config):
            _upload(client, tar, blob)
        header = {"Content-Type": _MANIFEST}
        _check(client.put(f"manifests/{tag}", content=content, headers=header), name)


def _upload(client: httpx.Client, tar: tarfile.TarFile, blob: _Blob) -> None:
    if client.head(f"blobs/{blob.digest}").is_success:
        return
    begun = client.post("blobs/uploads/")
    _check(begun, blob.digest)
    place = begun.url.join(begun.headers["Location"])
    header = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
    sent = client.put(
        place.copy_merge_params({"digest": blob.digest}),
        content=_blocks(_member(tar, _path(blob))),
        headers=header,
    )
    _check(sent, blob.digest)


def _check(response: httpx.Response, what: str) -> None:
    if response.status_code not in (httpx.codes.CREATED, httpx.codes.ACCEPTED):
        raise AirgapError(f"the registry refused {what}: {response.status_code} {response.text}")


def _path(blob: _Blob) -> str:
    return f"blobs/{blob.digest.replace(':', '/')}"


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(disk.BLOCK):
        yield block
