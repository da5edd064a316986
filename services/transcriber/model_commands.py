"""`echobase model`: a model into its volume before the transcriber starts, or into the store."""

import asyncio
from pathlib import Path

import click

from services.transcriber import hub, model_store
from services.transcriber.model_fetch import Gather, from_folder, from_hub, install, is_here
from services.transcriber.models import DEMO, find_configured, is_model_folder, plain_name
from shared import settings
from shared.errors import ModelUnavailable
from shared.s3_store import S3Store
from shared.settings import StoreSettings, TranscriberSettings

_NAME = click.argument("name", required=False)


@click.group()
def model() -> None:
    """Bring speech models to where they are needed.

    NAME is that of the setting WHISPER_MODEL_NAME, which it is if you give none.
    """


@model.command()
@_NAME
@click.option(
    "--from",
    "origin",
    metavar="PATH|store|hub",
    default="",
    help="A folder, such as a bundle's; or the store; or the hub. By default the store, and if "
    "that has none the hub.",
)
def fetch(name: str | None, origin: str) -> None:
    """Put a model into ECHOBASE_MODEL_FOLDER, whole or not at all.

    What is there already is left alone, and nobody is asked for it.
    """
    env = settings.environment()
    own = settings.load(TranscriberSettings, env)
    name = name or own.whisper_model_name
    if name == DEMO or is_model_folder(Path(name).expanduser()):
        click.echo(f"{name} needs no fetching")
        return
    plain_name(name)
    if is_here(name, own.model_folder):
        click.echo(f"{name} is in {own.model_folder}")
        return
    gather = _gather(name, origin, own, settings.load(StoreSettings, env))
    new = install(name, own.model_folder, gather)
    click.echo(f"{name} {'was put into' if new else 'is in'} {own.model_folder}")


@model.command()
@_NAME
@click.option("--as", "stored", help="The name in the store; a folder's own by default.")
def push(name: str | None, stored: str | None) -> None:
    """Put a model, by its name or its folder, into the store for a site's transcribers."""
    env = settings.environment()
    own = settings.load(TranscriberSettings, env)
    found = find_configured(name or own.whisper_model_name, own.model_folder, offline=own.offline)
    stored = plain_name(stored or found.name)
    sent = asyncio.run(_push(settings.load(StoreSettings, env), stored, found.folder))
    click.echo(f"{stored} is in the store; {sent} files were sent")


def _gather(name: str, origin: str, own: TranscriberSettings, store: StoreSettings) -> Gather:
    if origin not in ("", "store", "hub"):
        return from_folder(Path(origin), name)
    if origin != "hub" and (files := asyncio.run(_listed(store, name))):
        return model_store.from_store(store, name, files)
    if origin == "store":
        raise ModelUnavailable(f"the store has no model {name!r}: `echobase model push` puts it")
    if own.offline:
        raise ModelUnavailable(
            f"the store has no model {name!r}, and ECHOBASE_OFFLINE forbids to ask the hub"
        )
    return from_hub(lambda folder: _download(name, folder))


def _download(name: str, folder: Path) -> Path:
    try:
        return hub.fetch(name, folder, local_only=False)
    except hub.FetchFailed as error:
        raise ModelUnavailable(f"the model {name!r} cannot be fetched ({error})") from error


async def _listed(site: StoreSettings, name: str) -> model_store.ModelFiles | None:
    store = S3Store(site)
    try:
        # Whoever comes first makes the bucket; that may be the transcriber.
        await store.ensure()
        return await model_store.listed(store, name)
    finally:
        await store.close()


async def _push(site: StoreSettings, name: str, folder: Path) -> int:
    store = S3Store(site)
    try:
        return await model_store.push(store, name, folder)
    finally:
        await store.close()
