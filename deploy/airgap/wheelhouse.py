"""What a build or installation without internet needs: the locks' packages, and EchoBase itself."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

from deploy.airgap.errors import AirgapError
from deploy.local import bootstrap

ROOT = bootstrap.ROOT
LOCKS = ("local", "ingest", "transcriber", "stream", "uv")
"""What images, a single box and its installer are made from."""
PACKAGES = ("deploy", "services", "shared")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAIL = 2000


def download(
    target: Path,
    locks: Collection[str] = LOCKS,
    *,
    python: str | None = None,
    platforms: Sequence[str] = (),
    find: Sequence[Path] = (),
) -> list[Path]:
    """Have every package that the locks name in a folder, each checked against its hash.

    `python` (`3.11`) and `platforms` (`manylinux_2_28_x86_64`) are those of the site, this
    machine's if not given; `find` are folders to look in first. What is there already is not
    fetched again. Raises AirgapError.
    """
    target.mkdir(parents=True, exist_ok=True)
    options = [f"--platform={platform}" for platform in platforms]
    options += [f"--python-version={python}"] if python else []
    options += [f"--find-links={folder}" for folder in (target, *find) if folder.is_dir()]
    for lock in locks:
        pip_download(lock_path(lock), target, options)
    return sorted(target.glob("*.whl"))


def pip_download(lock: Path, target: Path, options: Sequence[str] = ()) -> None:
    """Have what one lock names in a folder. Raises AirgapError."""
    command = [_python(), "-m", "pip", "download", "--quiet", *bootstrap.PIP_OPTIONS]
    command += ["--only-binary=:all:", "--dest", str(target), "--requirement", str(lock)]
    run([*command, *options])


def _python() -> str:
    """The Python that made this environment: it has pip, the environment has not."""
    found = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}"
    return str(found) if found.exists() else sys.executable


def lock_path(lock: str) -> Path:
    """Where a lock is."""
    return ROOT / "requirements" / f"{lock}.txt"


def own_wheel(target: Path, epoch: int) -> Path:
    """EchoBase's own wheel, the same to the byte for the same sources.

    `epoch`: seconds since 1970 that the build takes for the time. Its members are not packed, so
    that two releases differ by what changed; the bundle is packed as a whole. Raises AirgapError if
    it would lack a file of a package.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run(
            [str(bootstrap.ensure_uv()), "build", "--wheel", "--offline", "--quiet", "-o", scratch],
            {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        )
        [built] = Path(scratch).glob("*.whl")
        unpacked(built, target / built.name)
    if lacking := missing(target / built.name, tracked()):
        raise AirgapError(f"the wheel lacks {', '.join(lacking[:5])} ({len(lacking)} files)")
    return target / built.name


def unpacked(wheel: Path, target: Path) -> None:
    """Write a wheel anew, its members in order and not packed."""
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in sorted(old.infolist(), key=lambda found: found.filename):
            kept = zipfile.ZipInfo(entry.filename, _EPOCH)
            kept.external_attr = entry.external_attr
            new.writestr(kept, old.read(entry))


def missing(wheel: Path, wanted: Collection[str]) -> list[str]:
    """The files that should be in a wheel and are not."""
    with zipfile.ZipFile(wheel) as found:
        return sorted(set(wanted) - set(found.namelist()))


def tracked() -> list[str]:
    """The files of our packages that git knows, but for those that were removed since."""
    names = run(["git", "ls-files", "--", *PACKAGES]).split()
    return [name for name in names if (ROOT / name).exists()]


def run(command: Sequence[str], env: dict[str, str] | None = None) -> str:
    """What a program printed. Raises AirgapError with the end of its complaint."""
    done = subprocess.run(  # noqa: S603 - our own programs
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise AirgapError(f"{' '.join(command[:6])} … failed: {done.stderr.strip()[-_TAIL:]}")
    return done.stdout
