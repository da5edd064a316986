"""Kustomize, to render the manifests: the machine's own, or the one that the installer fetched."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import ROOT

OLDEST = (5, 0)
"""The first version with all that the manifests use."""
FETCHED = ROOT / ".tools" / "kustomize" / "kustomize"


class NoKustomize(Exception):
    """There is none that is recent enough; `python -m tests.support.install_kustomize` mends it."""


@dataclass(frozen=True)
class Kustomize:
    """A program that renders: `kustomize build`, or `kubectl kustomize`, which is the same."""

    build: Sequence[str]

    def render(self, folder: Path) -> str:
        """The YAML of a kustomization. Raises AssertionError with what the program said."""
        done = subprocess.run([*self.build, str(folder)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def find(env: Mapping[str, str] = os.environ, fetched: Path = FETCHED) -> Kustomize:
    """The first that is recent enough. Raises NoKustomize."""
    for name, build in (("kustomize", "build"), ("kubectl", "kustomize")):
        path = shutil.which(name, path=env.get("PATH", os.defpath))
        if path and _version(path, name) >= OLDEST:
            return Kustomize((path, build))
    # Debian's own does not tell its version: the installer knows what it fetched.
    if fetched.is_file():
        return Kustomize((str(fetched), "build"))
    raise NoKustomize(
        "no kustomize 5 or later, and no kubectl that holds one:"
        " run `.venv/bin/python -m tests.support.install_kustomize`"
    )


def version_in(text: str, name: str) -> tuple[int, int]:
    """The version that `kustomize version` or `kubectl version --client` prints; 0.0 if none."""
    pattern = r"Kustomize Version: v(\d+)\.(\d+)" if name == "kubectl" else r"v?(\d+)\.(\d+)"
    found = re.search(pattern, text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _version(path: str, name: str) -> tuple[int, int]:
    ask = ["version", "--client"] if name == "kubectl" else ["version"]
    done = subprocess.run([path, *ask], capture_output=True, text=True)
    return version_in(done.stdout, name)
