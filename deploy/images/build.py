"""Builds images and writes their archives."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.images.archive import exported, pack
from deploy.images.command import ImagesError, ensure_programs, run
from deploy.images.debian import ensure_base
from deploy.images.recipes import BASE, RECIPES, ROOT, Recipe
from deploy.images.storage import FOLDER, Storage

ARCHIVES = ROOT / "artifacts" / "images"
"""Where archives are written: `NAME.tar` per image, and `base.tar`."""


def storage(base: str) -> Storage:
    """The images that stand on a base; those on debootstrap's are kept apart from the others."""
    ensure_programs("buildah")
    if base != "debootstrap":
        return Storage(FOLDER / "official")
    made = Storage(FOLDER / "debian")
    ensure_base(made, FOLDER)
    return made


def build(base: str, wheels: Path | None, recipes: Iterable[Recipe] = RECIPES) -> None:
    """Build images and write their archives. Raises ImagesError.

    `base`: `debootstrap`, or what stands after FROM, a digest included. `wheels`: the wheelhouse
    to install from alone.
    """
    images = storage(base)
    official = BASE if base == "debootstrap" else base
    for recipe in recipes:
        say(f"building {recipe.name}")
        name = images.build(recipe, base=official, revision=revision(), wheels=wheels)
        export(images, name, ARCHIVES / f"{recipe.name}.tar")
    if not images.has(official):
        images.call("pull", official)
    export(images, official, ARCHIVES / "base.tar")


def export(images: Storage, name: str, target: Path) -> None:
    """Write an image's archive. Raises ImagesError."""
    folder = FOLDER / "exported"
    shutil.rmtree(folder, ignore_errors=True)
    images.export(name, folder)
    image = exported(folder)
    pack(image, name.partition("@")[0], target)
    shutil.rmtree(folder)
    say(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1e6:.0f} MB  {image.digest}")


def revision() -> str:
    """The commit that is checked out; `unknown` outside a checkout."""
    if not shutil.which("git"):
        return "unknown"
    try:
        return run(["git", "-C", str(ROOT), "rev-parse", "HEAD"]).strip()
    except ImagesError:
        return "unknown"


def say(line: str) -> None:
    """Tell the user."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
