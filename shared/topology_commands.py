"""`echobase topology`: the streams, consumers and bucket that the services share."""

import asyncio

import click

from shared import settings
from shared.errors import Unavailable
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings
from shared.settings_keeping import KeepingSettings
from shared.stack import nats_settings
from shared.topology import Topology
from shared.topology import topology as whole

_PAUSE = 1.0
"""Seconds between attempts while a server is away."""


@click.group()
def topology() -> None:
    """The streams, consumers and bucket that the services share."""


@topology.command()
@click.option("--timeout", default=60.0, help="Seconds to wait for NATS and the store.")
def apply(timeout: float) -> None:
    """Create what is missing, and update what differs.

    The services do so too, whichever starts first. On Kubernetes a Job does it before them, so that
    an autoscaler finds the consumers while no transcriber runs.
    """
    env = settings.environment()
    nats, store = nats_settings(env), settings.load(StoreSettings, env)
    logs = settings.load(KeepingSettings, env).logs()
    wanted = whole(nats.nats_replicas, nats.ack_wait, logs)
    try:
        asyncio.run(_apply(nats, store, wanted, timeout))
    except TimeoutError:
        raise Unavailable(
            f"NATS at {nats.nats_url} or the store at {store.store_url} stayed away"
            f" for {timeout:g} s"
        ) from None
    click.echo(
        f"{len(wanted.streams)} streams, {len(wanted.consumers)} consumers"
        f" and the bucket {store.store_bucket!r} are there."
    )


async def _apply(
    nats: NatsSettings, store_settings: StoreSettings, wanted: Topology, timeout: float
) -> None:
    link, store = Link(nats, "topology"), S3Store(store_settings)
    bus = NatsBus(link)
    try:
        async with asyncio.timeout(timeout):
            await link.open()
            await _until_there(bus, store, wanted)
    finally:
        await bus.close()
        await store.close()


async def _until_there(bus: NatsBus, store: S3Store, wanted: Topology) -> None:
    while True:
        try:
            await bus.ensure(wanted)
            await store.ensure()
            return
        except Unavailable as error:
            click.echo(f"waiting: {error}", err=True)
            await asyncio.sleep(_PAUSE)
