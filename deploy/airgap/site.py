"""What a site keeps between updates: bundles, and which one is installed.

    /var/lib/echobase/airgap/bundles/<identity>/   whole bundles: the installed one, the one before
    /var/lib/echobase/airgap/installed.json        which they are
    /var/lib/echobase/airgap/journal               what `apply` did
    /var/lib/echobase/models/<name>/               speech models, for the transcriber's volume
    /var/lib/rancher/k3s/agent/images/             where k3s looks for images when it starts
    /etc/echobase/airgap.pub.pem                   the key that bundles are signed with

A bundle's files share their place on the disk with their copies elsewhere and with those of the
bundle before (hard links), so that only what changed takes room.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.airgap import disk
from deploy.airgap.errors import AirgapError
from deploy.airgap.journal import Journal


class Installed(Struct, frozen=True, kw_only=True):
    """What is installed."""

    version: str
    identity: str
    """SHA-256 of its `manifest.json`."""
    since: datetime
    previous: str | None
    """Identity of the bundle before."""
    overlay: str | None
    """Which of its manifests are rolled out."""
    host: str
    """The site's name, for its certificate."""


@dataclass(frozen=True)
class Site:
    """The folders of a site; `root` is `/`, or a scratch folder."""

    root: Path
    public_key: Path | None = None
    """Where the key is, if it is elsewhere."""

    @property
    def folder(self) -> Path:
        """What `apply` keeps."""
        return self.root / "var/lib/echobase/airgap"

    @property
    def key(self) -> Path:
        """The public key, which was there before any bundle."""
        return self.public_key or self.root / "etc/echobase/airgap.pub.pem"

    @property
    def images(self) -> Path:
        """Where k3s looks for images."""
        return self.root / "var/lib/rancher/k3s/agent/images"

    @property
    def models(self) -> Path:
        """Where the transcriber's volume is filled from."""
        return self.root / "var/lib/echobase/models"

    @property
    def journal(self) -> Journal:
        """What was done."""
        return Journal(self.folder / "journal")

    @property
    def incoming(self) -> Path:
        """A delta, unpacked."""
        return self.folder / "incoming"

    def bundle(self, identity: str) -> Path:
        """Where a bundle is, whole."""
        return self.folder / "bundles" / identity[:16]

    def draft(self, identity: str) -> Path:
        """Where a bundle is until it is whole."""
        return self.folder / "bundles" / f"{identity[:16]}{disk.DRAFT}"

    def bundles(self) -> list[Path]:
        """All bundles and drafts that are there."""
        folder = self.folder / "bundles"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def installed(self) -> Installed | None:
        """What is installed. Raises AirgapError if the file that says so is damaged."""
        path = self.folder / "installed.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Installed)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise AirgapError(f"{path} is damaged: {error}") from None

    def install(self, installed: Installed) -> None:
        """Note what is installed."""
        content = msgspec.json.format(msgspec.json.encode(installed), indent=2)
        disk.write(self.folder / "installed.json", [content, b"\n"])

    @contextmanager
    def claimed(self) -> Generator[None]:
        """Hold the site for this process alone. Raises AirgapError if another one has it."""
        disk.folder(self.folder)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AirgapError("another `apply` is at work on this site") from None
            yield
