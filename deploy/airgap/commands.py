"""`echobase airgap`: bundles and deltas, made at the desk and brought to a site."""

import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from deploy.airgap import archive, keys, manifest, render, wheelhouse
from deploy.airgap import bundle as bundles
from deploy.airgap import delta as deltas
from deploy.airgap.apply import Applier
from deploy.airgap.cluster import Cluster
from deploy.airgap.report import report
from deploy.airgap.site import Site

_PATH = click.Path(path_type=Path)
_THERE = click.Path(exists=True, path_type=Path)
_BUNDLES = wheelhouse.ROOT / "artifacts" / "bundles"


@click.group()
def airgap() -> None:
    """Bring EchoBase, and its updates, to sites without internet."""


@airgap.group("keys")
def key_commands() -> None:
    """The key pair that bundles are signed with."""


@key_commands.command("new")
@click.argument("private", type=_PATH)
def new_keys(private: Path) -> None:
    """Make a key pair: PRIVATE stays at the desk, PRIVATE.pub.pem goes to every site."""
    public = private.with_name(f"{private.name.removesuffix('.pem')}.pub.pem")
    keys.new(private, public)
    click.echo(f"{private}: keep it secret\n{public}: take it to each site, once, by a safe way")


@airgap.command("wheelhouse")
@click.argument("folder", type=_PATH)
@click.option("--python", help="The site's Python, such as 3.13; this machine's if not given.")
@click.option("--platform", "platforms", multiple=True, help="Such as manylinux_2_28_aarch64.")
def wheelhouse_command(folder: Path, python: str | None, platforms: Sequence[str]) -> None:
    """Fetch every package that the locks name, for builds and installations without internet."""
    found = wheelhouse.download(folder, python=python, platforms=platforms)
    click.echo(f"{len(found)} packages in {folder}")


@airgap.command("bundle")
@click.option("--key", type=_THERE, required=True, help="The private key.")
@click.option("--images", type=_THERE, help="Folder of image archives, *.tar.")
@click.option("--overlay", "overlays", multiple=True, help="edge-cpu, or a folder: rendered now.")
@click.option("--manifests", type=_THERE, help="Folder of rendered manifests, OVERLAY.yaml.")
@click.option("--elsewhere", multiple=True, help="An image that the site has by itself.")
@click.option("--wheels", type=_THERE, help="A wheelhouse; fetched if not given.")
@click.option("--model", "models", multiple=True, help="NAME=FOLDER of a speech model.")
@click.option("--python", help="The site's Python, such as 3.13; this machine's if not given.")
@click.option("--platform", "platforms", multiple=True, help="Such as manylinux_2_28_aarch64.")
@click.option("--version", help="Another version than the project's.")
@click.option("--out", type=_PATH, default=_BUNDLES, help="Where to; artifacts/bundles.")
@click.option("--pack/--no-pack", default=True, help="Also as one file, .tar.zst.")
def bundle_command(
    *,
    key: Path,
    images: Path | None,
    overlays: tuple[str, ...],
    manifests: Path | None,
    elsewhere: Sequence[str],
    wheels: Path | None,
    models: Sequence[str],
    python: str | None,
    platforms: Sequence[str],
    version: str | None,
    out: Path,
    pack: bool,
) -> None:
    """Make a bundle of this checkout: images, manifests, packages, models, signed."""
    out.mkdir(parents=True, exist_ok=True)
    if wheels is None:
        wheels = out / "wheels"
        wheelhouse.download(wheels, python=python, platforms=platforms)
    made_from = bundles.origin(version)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        parts = bundles.Parts(
            images=images,
            manifests=render.overlays(manifests, overlays),
            elsewhere=elsewhere,
            wheels=wheels,
            code=wheelhouse.own_wheel(Path(scratch), int(made_from.created.timestamp())),
            models=dict(_named(model) for model in models),
        )
        folder = out / f"echobase-{made_from.version}"
        made = bundles.make(parts, made_from, folder, keys.read_private(key))
    click.echo(f"{folder}: {len(made.files)} files, {_size(sum(f.size for f in made.files))}")
    if pack:
        packed = bundles.pack(folder)
        click.echo(f"{packed}: {_size(packed.stat().st_size)}")


def _named(model: str) -> tuple[str, Path]:
    name, equals, folder = model.partition("=")
    if not equals or not Path(folder).is_dir():
        raise click.BadParameter(f"{model!r} is not NAME=FOLDER", param_hint="--model")
    return manifest.check_path(name), Path(folder)


@airgap.command("delta")
@click.argument("base", metavar="FROM", type=_THERE)
@click.argument("to", type=_THERE)
@click.option("--key", type=_THERE, required=True, help="The private key.")
@click.option("--out", type=_PATH, help="The file to write.")
def delta_command(base: Path, to: Path, key: Path, out: Path | None) -> None:
    """Make one file with what a site lacks that has the bundle FROM and is to have TO."""
    with _folder(base) as old, _folder(to) as new:
        target = out or Path(f"{old.name}_to_{new.name.removeprefix('echobase-')}.delta.tar.zst")
        made = deltas.make(old, new, target.absolute(), keys.read_private(key))
    files = f"{len(made.files) - 2} files changed, {len(made.removed)} removed"
    click.echo(f"{target}: {_size(target.stat().st_size)}; {files}")


@contextmanager
def _folder(path: Path) -> Generator[Path]:
    """A bundle's folder; unpacked for a while if it is one file."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as scratch:
        folder = Path(scratch) / path.name.removesuffix(".tar.zst")
        folder.mkdir()
        archive.unpack(path, folder)
        yield folder


@airgap.command("push")
@click.argument("registry")
@click.argument("archives", nargs=-1, type=_THERE, required=True)
@click.option("--plain", is_flag=True, help="The registry speaks HTTP without TLS.")
def push_command(registry: str, archives: Sequence[Path], plain: bool) -> None:
    """Put image archives into a registry, such as 10.0.0.5:5000, on the site's own network."""
    # Only who pushes needs an HTTP client.
    from deploy.airgap.push import push

    for archive_file in archives:
        for name in push(archive_file, registry, plain=plain):
            click.echo(name)


_root = click.option("--root", type=_PATH, default=Path("/"), help="The site's root folder.")
_public = click.option("--public-key", type=_PATH, help="Instead of etc/echobase/airgap.pub.pem.")
_kubectl = click.option("--kubectl", default="k3s kubectl", help="How kubectl is called.")


@airgap.command("apply")
@click.argument("path", metavar="[BUNDLE|DELTA]", type=_THERE, required=False)
@_root
@_public
@_kubectl
@click.option("--importer", default="k3s ctr --namespace k8s.io images import")
@click.option("--overlay", help="Which manifests; as before if not given, or the only ones.")
@click.option("--no-cluster", is_flag=True, help="Only have the bundle here, whole and verified.")
@click.option("--host", help="The site's name, for its certificate; as before if not given.")
@click.option("--timeout", default=600, help="Seconds for each part to become healthy.")
@click.option("--force", is_flag=True, help="Take an older version, too.")
def apply_command(
    *,
    path: Path | None,
    root: Path,
    public_key: Path | None,
    kubectl: str,
    importer: str,
    overlay: str | None,
    no_cluster: bool,
    host: str | None,
    timeout: int,
    force: bool,
) -> None:
    """Install a bundle or a delta on this site; without one, finish what was interrupted."""
    cluster = Cluster(tuple(kubectl.split()), tuple(importer.split()), timeout)
    applier = Applier(Site(root, public_key), cluster, click.echo)
    chosen = "" if no_cluster else overlay
    made = applier.apply(path, overlay=chosen, host=host, force=force) if path else applier.resume()
    click.echo(f"EchoBase {made.version} ({made.commit[:12]}) is installed")


@airgap.command("status")
@_root
@_public
@_kubectl
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status_command(*, root: Path, public_key: Path | None, kubectl: str, as_json: bool) -> None:
    """Say what is installed, whether every byte of it is right, and whether it is healthy."""
    found = report(Site(root, public_key), Cluster(tuple(kubectl.split())))
    click.echo(found.json() if as_json else found.text())
    sys.exit(0 if found.good else 1)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.1f} kB"
