"""`make images-check`: the images built, looked into and used; then again with the network off."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from deploy.images import inspect, measure
from deploy.images.archive import Exported, exported
from deploy.images.build import revision, say, storage
from deploy.images.command import ImagesError, ensure_programs, require_root
from deploy.images.container import Container
from deploy.images.loopback import raise_loopback
from deploy.images.recipes import RECIPES, ROOT, Recipe
from deploy.images.storage import FOLDER, Storage
from deploy.images.trial import transcribe, volumes
from deploy.images.wheelhouse import fill

WHEELS = FOLDER / "wheels"
SOURCE = FOLDER / "source"
"""A copy of what is built from: files that are saved meanwhile must not make two builds differ."""
_OFFLINE = "ECHOBASE_IMAGES_OFFLINE"
"""Set in the second half of a check, which has no network but its own loopback."""


def check(cuda: bool) -> None:
    """Check all images; `cuda`: the CUDA variant too, which takes another 2 GB of downloads.

    Raises ImagesError.
    """
    require_root()
    ensure_programs("buildah")
    recipes = [recipe for recipe in RECIPES if cuda or recipe.target != "cuda"]
    if os.environ.get(_OFFLINE):
        _offline(recipes)
        return
    images = storage("debootstrap")
    _copy_source()
    say("== connected: built from PyPI")
    rows = [row for recipe in recipes for row in _built(images, recipe, None)]
    _tried(images)
    fill(WHEELS, recipes)
    say("== the network is off: built anew from the wheelhouse")
    program = [sys.executable, "-m", "deploy.images", "check", *(["--cuda"] if cuda else [])]
    done = subprocess.run(["unshare", "--net", *program], env=os.environ | {_OFFLINE: "1"})  # noqa: S603, S607 - ours
    if done.returncode:
        raise ImagesError("it does not work with the network off; see above")
    say("\n".join(measure.table(rows)))
    say("images-check: all is well")


def _offline(recipes: Iterable[Recipe]) -> None:
    raise_loopback()
    images = storage("debootstrap")
    for recipe in recipes:
        before = images.layers(recipe.tagged)
        _built(images, recipe, WHEELS)
        if differ := measure.differing(before, images.layers(recipe.tagged)):
            raise ImagesError(f"{recipe.name}: built offline, the layers {differ} are others")
        say(f"{recipe.name}: the same layers to the byte")
    _tried(images)


def _built(images: Storage, recipe: Recipe, wheels: Path | None) -> list[measure.Row]:
    """Build an image and look into it. Raises ImagesError for what must not be."""
    began = time.monotonic()
    name = images.build(
        recipe, revision=revision(), wheels=wheels, fresh=wheels is not None, source=SOURCE
    )
    say(f"{recipe.name}: built in {time.monotonic() - began:.0f} s")
    with ExitStack() as stack:
        folder = FOLDER / "checked"
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        image = _exported(images, name, folder)
        writable = {place: FOLDER / f"probe{place}" for place in volumes(recipe.service)}
        container = stack.enter_context(Container(images, name, writable))
        found = inspect.probe(container)
        faults = [
            *inspect.faults_within(recipe, found, set(writable)),
            *inspect.faults_of_layers(image),
            *inspect.faults_of_labels(container.config.labels),
        ]
        if faults:
            raise ImagesError("\n".join([f"{recipe.name}:", *faults]))
        return measure.rows(recipe, image, FOLDER / "sizes.json")


def _copy_source() -> None:
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for name in (".dockerignore", *_sent()):
        target = SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, target)


def _sent() -> list[str]:
    """What of the tree a builder is sent."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def _tried(images: Storage) -> None:
    outcome = transcribe(images, FOLDER / "trial")
    starts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in outcome.starts.items())
    say(f"transcribed as user 10001 on a read-only root: {outcome.text!r}")
    say(f"ready after: {starts}")


def _exported(images: Storage, name: str, folder: Path) -> Exported:
    shutil.rmtree(folder, ignore_errors=True)
    images.export(name, folder)
    return exported(folder)
