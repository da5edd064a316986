"""Who is there: NATS' micro services protocol, which `nats micro list` shows too."""

import asyncio
import logging
from collections.abc import Mapping

import msgspec
import nats.errors
from msgspec import Struct
from nats.micro.service import Service, ServiceConfig

from shared.errors import BusUnavailable
from shared.nats_channel import Channel, status
from shared.nats_link import Link

log = logging.getLogger(__name__)


VERSION = "1.0.0"
"""Of what is announced: the protocol asks for one."""


class _Ping(Struct):
    id: str
    metadata: dict[str, str] = {}


_PING = msgspec.json.Decoder(_Ping)


class Presence:
    """Announces and discovers over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._announced: dict[str, Mapping[str, str]] = {}
        self._services: dict[str, Service] = {}
        link.on_open(self._announce_again)

    async def announce(self, service: str, metadata: Mapping[str, str]) -> None:
        """Answer to `discover` until the link closes; see `shared.bus.Bus.announce`."""
        self._announced[service] = dict(metadata)
        # A task of its own: nats-py's connection does not survive a flush that is cancelled.
        await asyncio.shield(asyncio.create_task(self._start(service)))

    async def discover(self, service: str, wait: float) -> list[Mapping[str, str]]:
        """Every answer within `wait` seconds; see `shared.bus.Bus.discover`."""
        found: dict[str, Mapping[str, str]] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        async with Channel(self._link) as channel:
            await self._link.send(f"$SRV.PING.{service}", reply=channel.subject)
            while (left := end - loop.time()) > 0 and await channel.wait(left):
                for message in channel.take():
                    if status(message) is not None:
                        return []
                    ping = _PING.decode(message.data)
                    found[ping.id] = ping.metadata
        return list(found.values())

    async def _start(self, service: str) -> None:
        if old := self._services.pop(service, None):
            await old.stop()
        config = ServiceConfig(
            name=service, version=VERSION, metadata=dict(self._announced[service])
        )
        self._services[service] = Service(self._link.client, config)
        try:
            await self._services[service].start()
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(str(error)) from error

    async def _announce_again(self) -> None:
        self._services.clear()
        for service in self._announced:
            try:
                await self._start(service)
            except BusUnavailable as error:
                log.warning("announcing %s: %s", service, error)
