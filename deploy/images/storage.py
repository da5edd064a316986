"""Buildah's images, in a storage of the project's own."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.images.command import run
from deploy.images.recipes import BASE, ROOT, Recipe, version

FOLDER = ROOT / ".cache" / "images"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine trusts, a company's own authority included: builders trust them too."""


class Config(Struct, frozen=True):
    """How an image says that it is run."""

    env: list[str] = msgspec.field(default_factory=list[str], name="Env")
    command: list[str] = msgspec.field(default_factory=list[str], name="Cmd")
    user: str = msgspec.field(default="", name="User")
    folder: str = msgspec.field(default="/", name="WorkingDir")
    labels: dict[str, str] = msgspec.field(default_factory=dict[str, str], name="Labels")


class _RootFolder(Struct, frozen=True):
    diff_ids: list[str]


class _Oci(Struct, frozen=True):
    config: Config
    rootfs: _RootFolder


class _Inspected(Struct, frozen=True):
    oci: _Oci = msgspec.field(name="OCIv1")


class Storage:
    """Images below one folder; each command is one process of buildah."""

    def __init__(self, folder: Path) -> None:
        self._command = (
            "buildah",
            *("--root", str(folder / "storage"), "--runroot", str(folder / "run")),
            *("--storage-driver", "overlay"),
            # Else it leaves a mount behind, and `make clean` could not remove the folder.
            *("--storage-opt", "overlay.skip_mount_home=true"),
        )

    def call(self, *arguments: str) -> str:
        """Run buildah. Raises ImagesError."""
        return run([*self._command, *arguments]).strip()

    def has(self, image: str) -> bool:
        """Whether an image is here."""
        return bool(self.call("images", "--quiet", "--filter", f"reference={image}"))

    def build(
        self,
        recipe: Recipe,
        *,
        base: str = BASE,
        revision: str,
        wheels: Path | None = None,
        fresh: bool = False,
        source: Path = ROOT,
    ) -> str:
        """Build an image; its name with its tag.

        `wheels`: install from this folder alone. `fresh`: reuse no layer. `source`: a copy of
        the repository. Raises ImagesError.
        """
        self.call(
            *("bud", "--isolation", "chroot", "--layers", "--timestamp", "0"),
            *(("--pull-never",) if self.has(base) else ()),
            *(("--no-cache",) if fresh else ()),
            *_sources(wheels),
            *_arguments({"BASE": base, "VERSION": version(), "REVISION": revision}),
            *("--target", recipe.target),
            *("--file", str(recipe.dockerfile(source)), "--tag", recipe.tagged, str(source)),
        )
        # Of a stage that is only mounted, such as the empty wheelhouse, buildah leaves a container.
        self.call("rm", "--all")
        return recipe.tagged

    def config(self, image: str) -> Config:
        """How an image is run."""
        return self._inspect(image).config

    def layers(self, image: str) -> list[str]:
        """The digests of an image's layers, not compressed, from the base up."""
        return self._inspect(image).rootfs.diff_ids

    def _inspect(self, image: str) -> _Oci:
        text = self.call("inspect", "--type", "image", image)
        return msgspec.json.decode(text, type=_Inspected).oci

    def export(self, image: str, folder: Path) -> None:
        """Write an image's manifest and blobs into a folder, the layers not compressed."""
        options = ("--quiet", "--disable-compression", "--format", "oci")
        self.call("push", *options, image, f"dir:{folder}")

    @contextmanager
    def mounted(self, image: str) -> Generator[Path]:
        """A fresh container's root folder."""
        container = self.call("from", "--pull-never", image)
        try:
            yield Path(self.call("mount", container))
        finally:
            self.call("umount", container)
            self.call("rm", container)


def _sources(wheels: Path | None) -> Sequence[str]:
    if wheels is not None:
        return ("--build-context", f"wheelhouse={wheels.absolute()}")
    if CERTIFICATES.exists():
        return ("--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro")
    return ()


def _arguments(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        yield from ("--build-arg", f"{name}={value}")
