"""The bundles of a box: checked, kept beside their releases, and renewed by deltas."""

import os
import shutil
from pathlib import Path

from deploy.airgap.manifest import MANIFEST, Manifest, decode, digest, verify
from deploy.box.errors import BoxError
from deploy.box.files import sync
from deploy.box.places import DATA, Places
from deploy.box.system import Owner


def keep(places: Places, folder: Path) -> Path:
    """Check a bundle's folder and keep a copy of it; where that is. Raises BadBundle, BoxError."""
    check(places, folder)
    kept = places.bundles / name(folder)
    if kept.exists() and folder.resolve() != kept.resolve():
        check(places, kept)
    elif not kept.exists():
        draft = places.bundles / f".{kept.name}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder, draft)
        settle(draft, kept)
    return kept


def check(places: Places, folder: Path) -> Manifest:
    """The manifest of a bundle that is whole and signed. Raises BadBundle or BoxError."""
    if not (folder / MANIFEST).is_file():
        raise BoxError(f"{folder} is no bundle's folder: it holds no {MANIFEST}")
    if not places.public_key.is_file():
        raise BoxError(
            f"{places.public_key} is missing: give the key that bundles are signed with,"
            " by --public-key, once"
        )
    return verify(folder, places.public_key)


def name(folder: Path) -> str:
    """The name of a bundle, and of the release that is made from it."""
    content = (folder / MANIFEST).read_bytes()
    return f"{decode(content).version}-{digest(content)[:12]}"


def settle(draft: Path, kept: Path) -> None:
    """Let a complete folder bear its name, through a power cut too."""
    os.sync()
    draft.rename(kept)
    sync(kept.parent)


def bring_model(places: Places, release: str, owner: Owner) -> str:
    """Put the bundle's speech models where the transcriber finds them; the first one's folder."""
    models = places.bundles / release / "models"
    found = sorted(path for path in models.glob("*") if path.is_dir())
    for model in found:
        target = places.data / "models" / model.name
        for folder in (places.data, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
            owner.give(folder, 0o750)
        if not target.exists():
            draft = target.with_name(f".{model.name}")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(model, draft)
            settle(draft, target)
    return f"{DATA}/models/{found[0].name}" if found else ""
