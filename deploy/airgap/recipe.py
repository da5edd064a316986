"""How a delta says what to do: each new file is a list of pieces, copied or patched.

A delta is one file, `.tar.zst`, with `delta.json` (a `Delta`), `delta.json.sig` (Ed25519) and
`patches` (zstd frames, one after the other). What a delta restores is a bundle, checked as such.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from deploy.airgap.errors import BadBundle
from deploy.airgap.manifest import Sha256, check_path

DELTA = "delta.json"
SIGNATURE = "delta.json.sig"
PATCHES = "patches"

Size = Annotated[int, Meta(ge=0)]


class Range(Struct, frozen=True, tag="r", array_like=True):
    """Part of a file of the bundle that the site has."""

    path: str
    offset: Size
    size: Size


class Fresh(Struct, frozen=True, tag="n", array_like=True):
    """Part of a file of the new bundle that is restored before this one."""

    path: str
    offset: Size
    size: Size


class Member(Struct, frozen=True, tag="m", array_like=True):
    """An unpacked member of a wheel of the new bundle that is restored before this file."""

    path: str
    name: str


Source = Range | Fresh | Member


class Copy(Struct, frozen=True, tag="c", array_like=True):
    """Bytes that are there already."""

    source: Source


class Patch(Struct, frozen=True, tag="p", array_like=True):
    """Bytes that a zstd frame makes, with the sources, one after the other, as its dictionary."""

    offset: Size
    """Where the frame is in `patches`."""
    size: Size
    """How long the frame is."""
    prefix: tuple[Source, ...] = ()


Piece = Copy | Patch


class Restored(Struct, frozen=True, array_like=True):
    """A file that the site has not."""

    path: str
    pieces: tuple[Piece, ...]


class End(Struct, frozen=True, kw_only=True):
    """A bundle that a delta leads from or to."""

    version: str
    """EchoBase's version."""
    identity: Sha256
    """SHA-256 of its `manifest.json`."""


class Delta(Struct, frozen=True, kw_only=True):
    """What a site with the one bundle needs to have the other."""

    format: Literal[1] = 1
    """Form of this description."""
    base: End
    """What the site must have."""
    to: End
    """What it has afterwards."""
    patches: Sha256
    """Of the file `patches`."""
    files: tuple[Restored, ...]
    """In this order; the manifest and its signature first. All other files are kept."""
    removed: tuple[str, ...]
    """What the new bundle has no more."""


def encode(delta: Delta) -> bytes:
    """A delta as `delta.json` holds it."""
    return msgspec.json.encode(delta)


def decode(content: bytes) -> Delta:
    """A delta from `delta.json`. Raises BadBundle if it is not one that we know."""
    try:
        delta = msgspec.json.decode(content, type=Delta)
    except msgspec.DecodeError as error:
        raise BadBundle(f"{DELTA} cannot be read: {error}") from None
    for file in delta.files:
        check_path(file.path)
        for piece in file.pieces:
            for source in sources(piece):
                check_path(source.path)
    return delta


def sources(piece: Piece) -> tuple[Source, ...]:
    """What a piece is made from."""
    return (piece.source,) if isinstance(piece, Copy) else piece.prefix
