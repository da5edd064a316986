"""The key pair that bundles are signed with: Ed25519, as PEM files that openssl reads too."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from deploy.airgap.errors import AirgapError


def new(private: Path, public: Path) -> None:
    """Make a key pair; neither file may exist. Raises AirgapError."""
    if private.exists() or public.exists():
        raise AirgapError(f"{private} or {public} exists: a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    public.write_bytes(public_pem(key.public_key()))


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as its PEM file holds it."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_private(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises AirgapError if the file holds none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AirgapError(f"{path} holds no private key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise AirgapError(f"{path} holds another kind of key than Ed25519")
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """The key that checks. Raises AirgapError if the file holds none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise AirgapError(f"{path} holds no public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise AirgapError(f"{path} holds another kind of key than Ed25519")
    return key
