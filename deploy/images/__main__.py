"""`python -m deploy.images build|wheels|check`: see `make images` and `make images-check`."""

import sys
from pathlib import Path

import click

from deploy.images.build import build, say
from deploy.images.check import check
from deploy.images.command import ImagesError
from deploy.images.recipes import BASE, RECIPES, recipe
from deploy.images.wheelhouse import fill

_NAMES = [each.name for each in RECIPES]


@click.group()
def main() -> None:
    """Build, export and try the container images."""


@main.command("build")
@click.argument("names", nargs=-1, type=click.Choice(_NAMES), metavar="[NAME]...")
@click.option("--base", default=BASE, show_default=True, help="`debootstrap`, or an image's name.")
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Install from this wheelhouse alone, without a network.",
)
def build_(names: tuple[str, ...], base: str, wheels: Path | None) -> None:
    """Build images, all by default, and write their archives to artifacts/images."""
    build(base, wheels, [recipe(name) for name in names or _NAMES])


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, type=click.Choice(_NAMES), metavar="[NAME]...")
def wheels(folder: Path, names: tuple[str, ...]) -> None:
    """Fill a wheelhouse for images, all by default."""
    fill(folder, [recipe(name) for name in names or _NAMES])
    say(f"{len(list(folder.glob('*.whl')))} wheels in {folder}")


@main.command("check")
@click.option("--cuda", is_flag=True, help="The CUDA variant too; 2 GB more to download.")
def check_(cuda: bool) -> None:
    """Build all images, use them, and do it again with the network off; as root."""
    check(cuda)


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except ImagesError as error:
        sys.exit(f"images: {error}")
