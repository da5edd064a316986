"""`python -m deploy.box.part RECIPE`: becomes the process of a part."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from deploy.box.recipe import read


def main(path: Path) -> NoReturn:
    """Become what the recipe says."""
    recipe = read(path)
    if recipe.folder:
        os.chdir(recipe.folder)
    os.execve(recipe.command[0], recipe.command, {**os.environ, **recipe.env})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]))
