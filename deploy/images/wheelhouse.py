"""A folder with every wheel that the images are built from, for builds without a network."""

import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.images.command import run
from deploy.images.recipes import RECIPES, ROOT, Recipe

_FETCHED = ROOT / ".cache" / "wheels"
"""What the environment was installed from: most of it, and checked by hash all the same."""


def fill(folder: Path, recipes: Iterable[Recipe] = RECIPES) -> None:
    """Download what is missing of some images' locks, and of uv's, for this kind of machine.

    By pip, which takes the user's own index. Raises ImagesError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # ingest's lock has what the reloader of every dev image needs.
    names = {"uv", "ingest", *(lock for recipe in recipes for lock in recipe.locks)}
    found = ("--find-links", str(_FETCHED)) if _FETCHED.is_dir() else ()
    for name in sorted(names):
        run(
            [
                # The environment itself has no pip; the Python that it was made by has.
                *(str(Path(sys.base_prefix) / "bin" / "python3"), "-m", "pip", "download"),
                *("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
                *("--python-version", "3.11", "--dest", str(folder), *found),
                *("--find-links", str(folder)),
                *("--requirement", str(ROOT / "requirements" / f"{name}.txt")),
            ]
        )
