"""Small bundles, and a site to bring them to."""

import io
import json
import random
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
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


def image(name: str, layers: Sequence[Mapping[str, bytes]]) -> bytes:
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
    folder.mkdir()
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


def small(number: int, *, broken: bool = False) -> dict[str, bytes]:
    """The files of a small bundle; each number is another release, one of its rollouts fails."""
    library = noise(20_000, 1)
    code = f"print({number})\n".encode() * 50
    manifests = MANIFESTS.format(number=number, state="broken" if broken else "fine")
    files = {
        f"images/{name}.tar": image(
            f"echobase-{name}:1", [{"base": noise(10_000, 2)}, {"lib": library}, {"code.py": code}]
        )
        for name in ("ingest", "stream")
    }
    return {
        **files,
        f"code/echobase-0.1.{number}-py3-none-any.whl": wheel({"code.py": code}, stored=True),
        "wheels/lib-1.0-py3-none-any.whl": wheel({"lib": library}),
        "k3s/edge.yaml": manifests.encode(),
        f"models/toy-{number}/model.bin": noise(2_000, number),
    }


MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {{name: echobase}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: topology, namespace: echobase}}
spec: {{template: {{spec: {{containers: [{{name: a, image: "echobase-ingest:1"}}]}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: stream, namespace: echobase, labels: {{state: {state}}}}}
spec: {{template: {{spec: {{containers: [{{name: a, image: "echobase-stream:1"}}]}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings-{number}, namespace: echobase}}
"""

_KUBECTL = """\
#!/bin/sh
# Stands in for kubectl and for the import of images: notes every call, and fails where told to.
cd '{folder}'
echo "$*" >> calls
if [ -f fail ]; then
    read -r pattern < fail
    case "$*" in *"$pattern"*) echo "planted failure" >&2; exit 1;; esac
fi
case "$*" in
    "get secret "*) [ ! -e "secrets/$3" ] || echo "secret/$3";;
    "create --filename=-")
        read -r content
        name=${{content#*'"metadata":{{"name":"'}}
        name=${{name%%'"'*}}
        [ ! -e "secrets/$name" ] || {{ echo "exists" >&2; exit 1; }}
        printf '%s\\n' "$content" > "secrets/$name";;
    *"--filename=-") while read -r line; do :; done;;
    apply*--filename=*) cat "${{*##*--filename=}}" > applied;;
    "rollout status"*)
        while read -r line; do
            case "$line" in *"state: broken"*) echo "timed out" >&2; exit 1;; esac
        done < applied;;
esac
"""


def kubectl(folder: Path) -> Path:
    """A stand-in for kubectl that keeps what it was told in a folder."""
    (folder / "secrets").mkdir(parents=True)
    program = folder / "kubectl"
    program.write_text(_KUBECTL.format(folder=folder))
    program.chmod(0o755)
    return program


def calls(folder: Path) -> list[str]:
    """What the stand-in was called with."""
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []
