"""What a bundle holds, and whether it is whole and ours.

A bundle is a folder `echobase-<version>/` with `manifest.json` (a `Manifest`), `manifest.json.sig`
(64 bytes: Ed25519 over manifest.json) and the files that the manifest lists, no others:

    images/*.tar        uncompressed OCI or Docker archives
    wheels/*.whl        the packages that the locks name
    requirements/*.txt  the hashed locks
    code/*.whl          EchoBase itself
    k3s/<overlay>.yaml  rendered manifests
    models/<name>/      speech models
    install.sh, …       what a bare node starts with

Who trusts the public key and has checked the signature may trust every file whose SHA-256 agrees.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct
from packaging.version import InvalidVersion, Version

from deploy.airgap.errors import BadBundle
from deploy.airgap.keys import read_public

FORMAT = 1
"""Raised when an older `apply` could no longer read it."""
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"

Role = Literal["image", "wheel", "lock", "code", "manifest", "model", "program"]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]

_PART = re.compile(r"[A-Za-z0-9_+@-][A-Za-z0-9._+@-]*\Z")


class File(Struct, frozen=True, kw_only=True):
    """One file of a bundle."""

    path: str
    """Relative to the bundle's folder, with `/`."""
    size: Annotated[int, Meta(ge=0)]
    """Bytes."""
    sha256: Sha256
    """Of its content, in hex."""
    role: Role
    """What it is for."""
    holds: tuple[str, ...] = ()
    """What is in it, with versions: `litestar==2.24.0`, `echobase-stream:0.1.0@sha256:…`."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a bundle holds."""

    format: Literal[1] = FORMAT
    """Form of this manifest."""
    version: str
    """EchoBase's version."""
    commit: str
    """Git commit that it was made from."""
    created: datetime
    """When that commit was made: of two bundles of one version, the later one is newer."""
    files: tuple[File, ...]
    """All but the manifest and its signature, by path."""

    def by_role(self, role: Role) -> tuple[File, ...]:
        """The files of one role, by path."""
        return tuple(file for file in self.files if file.role == role)

    @property
    def order(self) -> tuple[Version, datetime]:
        """Grows from older bundles to newer ones."""
        return Version(self.version), self.created


def encode(manifest: Manifest) -> bytes:
    """A manifest as `manifest.json` holds it: the same bytes for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(content: bytes) -> Manifest:
    """A manifest from `manifest.json`. Raises BadBundle if it is not one that we know."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
        Version(manifest.version)
    except (msgspec.DecodeError, InvalidVersion) as error:
        raise BadBundle(f"{MANIFEST} cannot be read: {error}") from None
    if manifest.created.tzinfo is None:
        raise BadBundle(f"{MANIFEST}: `created` has no time zone")
    paths = [file.path for file in manifest.files]
    for path in paths:
        check_path(path)
    if len(set(paths)) != len(paths) or {MANIFEST, SIGNATURE} & set(paths):
        raise BadBundle(f"{MANIFEST} lists a file twice, or itself")
    return manifest


def check_path(path: str) -> str:
    """The path itself, if it stays within the bundle's folder. Raises BadBundle."""
    if len(path) > 255 or not all(_PART.match(part) for part in path.split("/")):
        raise BadBundle(f"{path!r} is no path of a bundle")
    return path


def digest(content: bytes) -> str:
    """SHA-256 in hex; of `manifest.json` it is the bundle's identity."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_signature(content: bytes, signature: bytes, key: Ed25519PublicKey, what: str) -> None:
    """Raise BadBundle unless the content was signed with the key's other half."""
    try:
        key.verify(signature, content)
    except InvalidSignature:
        raise BadBundle(f"{what} is not signed by the key that this site trusts") from None


def verify(folder: Path, public_key: Path) -> Manifest:
    """The manifest of a bundle's folder, after every check.

    `public_key` is a PEM file. Raises BadBundle if the signature is not by it, or if a file is
    missing, too many, damaged, or no plain file.
    """
    manifest = signed(folder, public_key)
    check_files(folder, manifest)
    return manifest


def signed(folder: Path, public_key: Path) -> Manifest:
    """The manifest of a bundle's folder, its signature checked and its files not. See `verify`."""
    content, signature = (read_plain(folder / name) for name in (MANIFEST, SIGNATURE))
    check_signature(content, signature, read_public(public_key), MANIFEST)
    return decode(content)


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BadBundle unless the folder holds exactly what the manifest lists."""
    found = set(plain_files(folder))
    listed = {file.path for file in manifest.files} | {MANIFEST, SIGNATURE}
    if strange := found ^ listed:
        first = min(strange)
        what = "is in no list" if first in found else "is missing"
        raise BadBundle(f"{first} {what} ({len(strange)} such files)")
    for file in manifest.files:
        check_file(folder / file.path, file)


def check_file(path: Path, file: File) -> None:
    """Raise BadBundle unless a file has the size and the SHA-256 that the manifest says."""
    if path.stat().st_size != file.size or file_digest(path) != file.sha256:
        raise BadBundle(f"{file.path} is damaged: its size or SHA-256 is not the manifest's")


def read_plain(path: Path) -> bytes:
    """The content of a plain file. Raises BadBundle if it is a link, or not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BadBundle(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def plain_files(folder: Path) -> Iterable[str]:
    """Every file below a folder, by relative path. Raises BadBundle at a link or a device."""
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from (f"{entry.name}/{below}" for below in plain_files(Path(entry.path)))
        elif stat.S_ISREG(mode):
            yield entry.name
        else:
            raise BadBundle(f"{entry.path} is no plain file")
