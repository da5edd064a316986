"""`echobase install`, `echobase update` and `echobase uninstall`: one box, with systemd."""

import os
from pathlib import Path

import click

from deploy.airgap import disk
from deploy.box import config
from deploy.box.bundles import BoxSite
from deploy.box.errors import BoxError
from deploy.box.install import Box, Wishes, box, summary
from deploy.box.install import install as install_on
from deploy.box.install import uninstall as uninstall_from
from deploy.box.install import update as update_on
from deploy.box.places import DATA, ETC, Places
from deploy.local.bootstrap import ROOT, BootstrapError

_root = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("/"),
    help="A folder that stands for the machine (an image in the making); nothing is started.",
)
_force = click.option("--force", is_flag=True, help="Even if it is older than what is installed.")
_patience = click.option(
    "--patience", default=300.0, show_default=True, help="Seconds for everything to get ready."
)
_bundle = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("bundle", type=_bundle, required=False)
@click.option("--bind", default="", help="Address to listen on; beyond loopback a key is made.")
@click.option("--model", default="", help="Speech model: a name, or a folder on the box.")
@click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key that bundles are signed with; needed once.",
)
@_root
@_force
@_patience
def install(
    bundle: Path | None,
    bind: str,
    model: str,
    public_key: Path | None,
    root: Path,
    force: bool,
    patience: float,
) -> None:
    """Install on this box, from a BUNDLE or from the checkout that this command runs in.

    Run again, it renews what is installed and leaves data and settings alone.
    """
    target = _box(root, patience)
    try:
        with BoxSite(target.places.root).claimed():
            target.switch.recover()
            wishes = Wishes(bind, model, public_key)
            release = install_on(target, wishes, bundle, ROOT, force=force)
    except BootstrapError as error:
        raise BoxError(str(error)) from error
    click.echo(f"EchoBase {release} is installed.")
    _show(target.places)
    # That of deploy/airgap/install.sh, which may be what runs this: it was the first step only.
    disk.remove(target.places.home / "venv")


@click.command()
@click.argument("delta", type=_bundle)
@_root
@_force
@_patience
def update(delta: Path, root: Path, force: bool, patience: float) -> None:
    """Update this box by a DELTA to what it has, or by a whole bundle."""
    target = _box(root, patience)
    with BoxSite(target.places.root).claimed():
        release = update_on(target, delta, force=force)
    click.echo(f"EchoBase {release} is installed.")


@click.command()
@click.option("--purge", is_flag=True, help="Remove recordings, transcripts and settings too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_root
def uninstall(purge: bool, yes: bool, root: Path) -> None:
    """Remove EchoBase from this box; data and settings stay."""
    target = _box(root, 0)
    lost = f"all recordings and transcripts in {DATA}, and the settings in {ETC}"
    if purge and not yes:
        click.confirm(f"Remove {lost}?", abort=True)
    with BoxSite(target.places.root).claimed():
        uninstall_from(target, purge=purge)
    click.echo("EchoBase is removed" + (f", and {lost}." if purge else f"; {DATA} and {ETC} stay."))


def _box(root: Path, patience: float) -> Box:
    # What is installed can be read by the user that runs it, whatever the caller's habit.
    os.umask(0o022)
    target = box(root, lambda step: click.echo(f"- {step}"), patience)
    if not target.places.scratch and os.geteuid() != 0:
        raise BoxError("only root may do this: use sudo")
    return target


def _show(places: Places) -> None:
    found = summary(places)
    click.echo(f"Page:     {found['page']}")
    click.echo(f"Settings: {found['settings']}")
    if found["model"] == "demo":
        click.echo("The small bundled model is at work: WHISPER_MODEL_NAME takes a real one.")
    if config.read_settings(places.settings).get("ECHOBASE_API_KEY"):
        click.echo(f"Key:      ECHOBASE_API_KEY in {found['settings']}")
    if not places.scratch:
        click.echo("State:    systemctl status 'echobase*'; logs: journalctl -u 'echobase*'")
