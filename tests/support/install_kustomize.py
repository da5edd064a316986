"""Sees to a kustomize for the tests of the manifests: the machine's, or one fetched now.

    .venv/bin/python -m tests.support.install_kustomize

Debian 12's own is too old. The one of Debian 13 runs there too: apt fetches its package from the
same mirror, checked by the archive's signature down to the package's SHA-256, with lists and cache
of its own, so that the machine's apt notices nothing. The package is unpacked, not installed; it
needs no root.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support.kustomize import FETCHED, NoKustomize, find

SUITE = "trixie"
PACKAGE = "kustomize"
_ADVICE = (
    "no kustomize 5 or later, and none could be had from Debian's archive: install kubectl 1.27"
    " or later, or kustomize, with your system's packages\n"
)
_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


def main() -> int:
    """Returns the exit code."""
    try:
        find()
        return 0
    except NoKustomize:
        sys.stderr.write(f"No kustomize yet; fetching {PACKAGE} of Debian {SUITE}\n")
    try:
        fetch(FETCHED)
        find()
        return 0
    except (NoKustomize, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n{_ADVICE}")
        return 1


def fetch(target: Path) -> None:
    """Put the program there. Raises OSError, or CalledProcessError if apt fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("lists/partial", "cache/archives/partial", "download"):
            (folder / part).mkdir(parents=True)
        # apt drops its rights while it downloads, and must still see the folder.
        folder.chmod(0o755)
        source = folder / "debian.sources"
        source.write_text(stanza(mirrors(), SUITE), "utf-8")
        apt = ["apt-get", "-q", *_options(folder, source)]
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _run([*apt, "update"], folder, env)
        _run([*apt, "download", PACKAGE], folder / "download", env)
        [package] = (folder / "download").glob("*.deb")
        _run(["dpkg-deb", "-x", str(package), str(folder / "unpacked")], folder, env)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".new")
        shutil.copy(folder / "unpacked" / "usr" / "bin" / "kustomize", draft)
        draft.rename(target)


def mirrors(places: Iterable[Path] = _SOURCES) -> list[str]:
    """The addresses of Debian's archive that this machine's apt uses. Raises OSError if none."""
    texts = [
        path.read_text("utf-8")
        for place in places
        for path in ([place] if place.is_file() else _listed(place))
    ]
    found = [address for text in texts for address in addresses(text)]
    if not found:
        raise OSError("apt knows no archive of Debian's here")
    return list(dict.fromkeys(found))


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in (".sources", ".list"))


def addresses(text: str) -> list[str]:
    """Those in a file of apt's sources, in either of its forms, that lead to the main archive.

    Third parties' and the security archive have other paths than `/debian`.
    """
    words = re.findall(r"^(?:deb\s.*|URIs:.*)$", text, re.MULTILINE)
    return [
        word.rstrip("/")
        for line in words
        for word in line.split()
        if re.fullmatch(r"(?:https?|mirror\+file)://?.*/debian/?", word)
    ]


def stanza(mirrors: Iterable[str], suite: str) -> str:
    """What apt is told to use: the archive's own keyring signs every Debian."""
    return (
        f"Types: deb\nURIs: {' '.join(mirrors)}\nSuites: {suite}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def _options(folder: Path, source: Path) -> list[str]:
    options = {
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": folder / "cache",
    }
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]


def _run(command: list[str], folder: Path, env: dict[str, str]) -> None:
    subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    sys.exit(main())
