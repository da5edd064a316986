"""Bundles of boxes: small ones, whose packages are nothing and whose `uv` is a few lines of shell.

What is made from them is a release in all but size: its Python is the one that runs the tests, with
EchoBase as it is in the checkout.
"""

import re
import sys
import zipfile
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.airgap.wheelhouse import lock_path
from deploy.local.bootstrap import WHEELS, download, ensure_uv
from tests.support.airgap import CREATED, bundle, wheel

# `uv venv … FOLDER` makes the folder; `uv pip install …` is content.
_UV = f"""\
#!/bin/sh
set -e
[ "$1" = venv ] || exit 0
for folder; do :; done
mkdir -p "$folder/bin" "$folder/lib/python3.11/site-packages"
for package in deploy services shared; do
    mkdir "$folder/lib/python3.11/site-packages/$package"
done
printf '#!/bin/sh\\nexec {sys.executable} "$@"\\n' > "$folder/bin/python"
chmod 755 "$folder/bin/python"
"""


def small_bundle(
    folder: Path,
    key: Ed25519PrivateKey,
    *,
    version: str = "0.1.0",
    created: datetime = CREATED,
    code: bytes = b"",
    lock: bytes = b"",
) -> Path:
    """Write a small bundle's folder, signed. Others of `code` or `lock` are other bundles."""
    files = {
        "wheels/uv-1-py3-none-any.whl": wheel({"uv-1.data/scripts/uv": _UV.encode()}),
        "requirements/local.txt": lock,
        "code/echobase-0.1.0-py3-none-any.whl": wheel({"shared/version.py": code}),
        "models/small/model.bin": b"weights",
    }
    return bundle(folder, files, key, version=version, created=created)


def local_wheels(folder: Path) -> Path:
    """The packages that a box needs, from those that the environment was made of; and its uv."""
    folder.mkdir()
    lock = lock_path("local").read_text("utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE)
    wanted = {(_plain(name), version) for name, version in pins}
    if not WHEELS.is_dir():
        download("local")
    for path in WHEELS.glob("*.whl"):
        name, version, *_ = path.name.split("-")
        if (_plain(name), version) in wanted:
            (folder / path.name).symlink_to(path)
    uv = wheel({"uv-1.data/scripts/uv": ensure_uv().read_bytes()}, stored=True)
    (folder / "uv-1-py3-none-any.whl").write_bytes(uv)
    return folder


def add_to_code(path: Path, name: str, line: str) -> None:
    """Write a wheel anew, with a line more in one of its files."""
    with zipfile.ZipFile(path) as old:
        files = {entry.filename: old.read(entry) for entry in old.infolist()}
    path.unlink()
    path.write_bytes(wheel({**files, name: files[name] + line.encode()}, stored=True))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
