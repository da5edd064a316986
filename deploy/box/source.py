"""What a release is made from: a bundle, or the running checkout."""

import hashlib
import subprocess
import tomllib
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.airgap.manifest import MANIFEST, decode, digest
from deploy.box.errors import BoxError
from deploy.local import bootstrap

LOCK = "requirements/local.txt"


@dataclass(frozen=True)
class Source:
    """The parts of a release that is to be made."""

    version: str
    created: datetime | None
    """When its commit was made, if that is known."""
    digest: str
    """Of all that it is made from; a bundle's identity."""
    bundle: bool
    """Whether it is a bundle."""
    wheels: Path
    """Folder with the packages."""
    lock: Path
    """Their names, versions and hashes."""
    code: Path
    """EchoBase's own wheel."""
    uv: Path
    """The program that installs."""

    @property
    def release(self) -> str:
        """The release's name: two of one version have different ones."""
        return f"{self.version}-{self.digest[:12]}"


def of_bundle(folder: Path, scratch: Path) -> Source:
    """The source within the folder of a bundle that was checked.

    `scratch`: a folder for what has to be unpacked. Raises BoxError.
    """
    content = (folder / MANIFEST).read_bytes()
    manifest = decode(content)
    return Source(
        version=manifest.version,
        created=manifest.created,
        digest=digest(content),
        bundle=True,
        wheels=folder / "wheels",
        lock=_only(folder, LOCK),
        code=_only(folder, "code/*.whl"),
        uv=_unpack_uv(_only(folder, "wheels/uv-*.whl"), scratch),
    )


def of_checkout(root: Path, scratch: Path, python: Path) -> Source:
    """The source that a checkout is; packages that are not at hand are downloaded.

    Raises BoxError or BootstrapError.
    """
    project = root / "pyproject.toml"
    if not project.is_file():
        raise BoxError("this is no checkout: name a bundle's folder")
    uv = bootstrap.ensure_uv()
    lock = root / LOCK
    wheels = bootstrap.WHEELS
    if not _holds(wheels, lock, uv, python):
        bootstrap.download("local")
    _run([str(uv), "build", "--quiet", "--wheel", "--offline", "-o", str(scratch), str(root)])
    code = _only(scratch, "*.whl")
    return Source(
        version=tomllib.loads(project.read_text())["project"]["version"],
        created=None,
        digest=_digest(lock, code),
        bundle=False,
        wheels=wheels,
        lock=lock,
        code=code,
        uv=uv,
    )


def _holds(wheels: Path, lock: Path, uv: Path, python: Path) -> bool:
    """Whether every package of a lock is at hand."""
    command = [str(uv), "pip", "install", "--dry-run", "--offline", "--no-index", "--no-cache"]
    # Into a folder that does not exist, so that nothing counts as installed.
    target = ["--python", str(python), "--target", str(wheels / "none")]
    options = ["--no-deps", "--find-links", str(wheels), "--requirement", str(lock)]
    return not subprocess.run([*command, *target, *options], capture_output=True).returncode


def _digest(lock: Path, wheel: Path) -> str:
    """Of what is in a lock and a wheel, but for when the wheel was packed."""
    found = hashlib.sha256(lock.read_bytes())
    with zipfile.ZipFile(wheel) as packed:
        for name in sorted(packed.namelist()):
            found.update(name.encode())
            found.update(packed.read(name))
    return found.hexdigest()


def _unpack_uv(wheel: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(wheel) as packed:
        name = next((each for each in packed.namelist() if each.endswith("/scripts/uv")), None)
        if name is None:
            raise BoxError(f"{wheel.name} holds no program")
        program = scratch / "uv"
        program.write_bytes(packed.read(name))
    program.chmod(0o755)
    return program


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise BoxError(f"{folder} holds {len(found)} files like {pattern}, not one")
    return found[0]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BoxError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
