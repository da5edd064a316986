"""Bundles of boxes: small ones, whose packages are nothing and whose `uv` is a few lines of shell.

What is made from them is a release in all but size: its Python is the one that runs the tests, with
EchoBase as it is in the checkout.
"""

import sys
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
