"""`echobase backup` and `echobase restore`."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

import click

from deploy.backup.bring_back import Restore, on_disk
from deploy.backup.errors import BackupError
from deploy.backup.folder import BackupFolder, Generation, Progress, digest
from deploy.backup.save import Saving
from shared import settings
from shared.bus import Bus
from shared.errors import BusUnavailable
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from shared.settings import NatsSettings, SiteSettings
from shared.settings_keeping import KeepingSettings
from shared.stack import nats_settings, store_settings
from shared.topology import Topology, topology

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_PATIENCE = 10.0
"""Seconds within which NATS must be reached."""
_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command()
@_FOLDER
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Generations that are kept.",
)
@click.option("--verify", is_flag=True, help="Read everything in FOLDER again; save nothing.")
def backup(folder: Path, keep: int, verify: bool) -> None:
    """Save the store and the streams to FOLDER, which the site may use meanwhile.

    Only what is new is fetched; interrupted, the next run goes on. What was erased is taken out of
    older generations too.
    """
    place = BackupFolder(folder)
    if verify:
        click.echo(f"{check(place)} objects are whole")
        return

    async def save(store: ObjectStore, bus: Bus, wanted: Topology) -> Generation:
        with place.claimed():
            return await Saving(place, store, bus, wanted, _shown()).run(keep)

    generation = _run(save)
    click.echo(f"saved {generation.folder}")


@click.command()
@_FOLDER
@click.option("--generation", "name", help="Which one; the latest if absent.")
@click.option("--force", is_flag=True, help="Add to a store that is not empty.")
@click.option(
    "--erasures",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Data folder of an ingest that knows of erasures; this site's own is asked in any case.",
)
def restore(folder: Path, name: str | None, force: bool, erasures: tuple[Path, ...]) -> None:
    """Bring back what FOLDER holds, but nothing that was erased, before or since."""
    place = BackupFolder(folder)
    generation = _choose(place, name)
    own = settings.load(SiteSettings, settings.environment()).data
    known = [stone for data in (own, *erasures) for stone in on_disk(data)]

    async def bring(store: ObjectStore, bus: Bus, wanted: Topology) -> int:
        run = Restore(place, store, bus, wanted)
        return len(await run.run(generation, known, force, _shown()))

    count = _run(bring)
    click.echo(f"restored {generation.folder}, without {count} that were erased")


def check(place: BackupFolder) -> int:
    """Read every generation and every content; how many contents. Raises BackupError."""
    seen: set[str] = set()
    for generation in place.generations():
        generation.check()
        for stored in generation.objects():
            if stored.sha256 not in seen:
                path = place.blob(stored.sha256)
                if not path.is_file() or digest(path) != stored.sha256:
                    raise BackupError(f"the backup is damaged: {stored.key} ({path})")
                seen.add(stored.sha256)
    return len(seen)


def _choose(place: BackupFolder, name: str | None) -> Generation:
    found = place.generations()
    if name is not None:
        found = [generation for generation in found if generation.name == name]
    if not found:
        raise BackupError(f"{place.folder} holds no {'such ' if name else ''}backup")
    return found[-1]


class _Work(Protocol[T_co]):
    def __call__(
        self, store: ObjectStore, bus: Bus, wanted: Topology
    ) -> Coroutine[None, None, T_co]: ...


def _run(work: _Work[T]) -> T:
    async def main() -> T:
        env = settings.environment()
        nats = nats_settings(env)
        wanted = topology(
            nats.nats_replicas, nats.ack_wait, settings.load(KeepingSettings, env).logs()
        )
        async with _places(env, nats) as (store, bus):
            return await work(store, bus, wanted)

    return asyncio.run(main())


@asynccontextmanager
async def _places(
    env: Mapping[str, str], nats: NatsSettings
) -> AsyncGenerator[tuple[ObjectStore, Bus]]:
    """Store and bus. Raises BusUnavailable if NATS does not come."""
    link = Link(nats, "backup")
    opening = asyncio.create_task(link.open())
    bus, store = NatsBus(link), S3Store(store_settings(env))
    try:
        await link.wait_connected(_PATIENCE)
        yield store, bus
    finally:
        opening.cancel()
        with suppress(asyncio.CancelledError, BusUnavailable):
            await opening
        await bus.close()
        await store.close()


def _shown() -> Progress:
    """On a terminal a line that is renewed; else a line now and then."""
    terminal = sys.stderr.isatty()
    last: dict[str, int] = {}

    def show(what: str, count: int) -> None:
        step = 1 if terminal else 1000
        if count - last.get(what, 0) >= step or what.startswith(("bytes", "erased")):
            last[what] = count
            click.echo(
                f"\r{what}: {count}\033[K" if terminal else f"{what}: {count}",
                nl=not terminal,
                err=True,
            )

    return show
