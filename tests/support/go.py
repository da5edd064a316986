"""Go with nats.go, to compile and run the README's example: what the installer fetched."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import ROOT

FETCHED = ROOT / ".tools" / "go"
PACKAGES = (
    "golang-1.24-go",
    "golang-1.24-src",
    "golang-github-nats-io-go-nats-dev",
    "golang-github-nats-io-nkeys-dev",
    "golang-github-nats-io-nuid-dev",
    "golang-github-klauspost-compress-dev",
    "golang-golang-x-crypto-dev",
    "golang-golang-x-sys-dev",
)
"""Debian's: the compiler, its library, and nats.go with all that it is made of."""


@dataclass(frozen=True)
class Go:
    """A Go whose libraries are Debian's packages of source."""

    folder: Path

    @property
    def root(self) -> Path:
        """Where its compiler is."""
        return self.folder / "usr" / "lib" / "go-1.24"

    @property
    def whole(self) -> bool:
        """Whether everything is there."""
        client = self.folder / "usr/share/gocode/src/github.com/nats-io/nats.go/nats.go"
        return (self.root / "bin" / "go").is_file() and client.is_file()

    def run(self, *arguments: str, folder: Path) -> str:
        """What a command of `go` says; AssertionError if it fails."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CGO_ENABLED": "0",
            # Debian's sources lie as Go's did before it had modules.
            "GO111MODULE": "off",
            "GOCACHE": str(self.folder / "cache"),
            "GOPATH": str(self.folder / "usr/share/gocode"),
            "GOROOT": str(self.root),
            "GOTOOLCHAIN": "local",
        }
        command = [str(self.root / "bin" / arguments[0]), *arguments[1:]]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
