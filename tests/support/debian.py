"""Packages of a newer Debian, fetched and unpacked without installing them; it needs no root.

apt fetches them from the mirror that this machine's apt uses, checked by the archive's signature
down to each package's SHA-256, with lists and cache of its own, so that the machine's apt notices
nothing.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

SUITE = "trixie"
_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


def unpack(target: Path, *packages: str) -> None:
    """Put what packages hold into a folder.

    Raises OSError, or CalledProcessError if apt fails.
    """
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
        _run([*apt, "download", *packages], folder / "download", env)
        for package in (folder / "download").glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), str(target)], folder, env)


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
