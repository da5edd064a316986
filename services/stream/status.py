"""`GET /v1/status`: what the page's corner shows of the whole system."""

import asyncio
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from services.stream.hub import Hub
from services.stream.recordings import Links
from shared.access import Access
from shared.bus import Bus
from shared.errors import BusUnavailable
from shared.http.auth import require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.keys import SCOPES, Credential, Scope
from shared.subjects import LANES
from shared.topology import DEAD, EVENTS, lane_consumer

_FRESH = 2.0
"""Seconds for which an answer serves every page that asks."""
_PATIENCE = 2.0
"""Seconds after which a bus that does not answer counts as away."""


class EventRange(Struct, frozen=True):
    """What the log of events holds; an event's id is `<epoch>-<sequence>`."""

    epoch: str
    first: int
    last: int


class StatusView(Struct, frozen=True, kw_only=True):
    """The system as stream sees it."""

    version: Annotated[str, Meta(description="Version of EchoBase")]
    bus: Annotated[Literal["connected", "away"], Meta(description="Whether NATS answers")]
    events: Annotated[EventRange | None, Meta(description="What EVENTS holds; null if away")]
    lanes: Annotated[
        dict[str, int] | None, Meta(description="Jobs that wait or are in hand; null if away")
    ]
    dead: Annotated[
        int | None, Meta(description="Dead letters: what could not succeed; null if away")
    ]
    workers: Annotated[
        list[dict[str, str]], Meta(description="Transcribers that are alive, with their models")
    ]
    readers: Annotated[int, Meta(description="Open event streams of this process")]
    ingest: Annotated[str, Meta(description="Address of ingest")]
    locked: Annotated[bool, Meta(description="Whether a key is asked for")]
    scopes: Annotated[list[Scope], Meta(description="What the caller may do")]


@dataclass(frozen=True)
class BusView:
    """What the bus knows of the system; nothing, while it is away."""

    events: EventRange | None = None
    lanes: dict[str, int] | None = None
    dead: int | None = None
    workers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


class Bulletin:
    """The bus's view, asked for at most every few seconds however many pages ask."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lock = asyncio.Lock()
        self._asked = float("-inf")
        self._view = BusView()

    async def read(self) -> BusView:
        """The view, at most a few seconds old."""
        async with self._lock:
            if time.monotonic() - self._asked > _FRESH:
                self._view = await self._ask()
                self._asked = time.monotonic()
        return self._view

    async def _ask(self) -> BusView:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._look()
        except (BusUnavailable, TimeoutError):
            return BusView()

    async def _look(self) -> BusView:
        state, dead, workers, pending = await asyncio.gather(
            self._bus.state(EVENTS.name),
            self._bus.state(DEAD.name),
            self._bus.discover("transcriber"),
            asyncio.gather(*(self._bus.pending(lane_consumer(lane)) for lane in LANES)),
        )
        return BusView(
            EventRange(state.epoch, state.first, state.last),
            dict[str, int](zip(LANES, pending, strict=True)),
            dead.messages,
            sorted((dict(worker) for worker in workers), key=lambda worker: sorted(worker.items())),
        )


_EXAMPLE = StatusView(
    version=version("echobase"),
    bus="connected",
    events=EventRange("18c6d1f0a3b2c4d5", 1, 1042),
    lanes={"urgent": 0, "live": 2, "backfill": 130},
    dead=0,
    workers=[{"model": "medium.en", "worker": "transcriber-7c9f"}],
    readers=3,
    ingest="http://localhost:3001",
    locked=True,
    scopes=["read"],
)


@get(
    "/v1/status",
    summary="The system's state",
    tags=["status"],
    opt=require("read"),
    responses={200: shown(_EXAMPLE, "How it stands"), **problems(401)},
)
async def status(
    bulletin: NamedDependency[Bulletin],
    hub: NamedDependency[Hub],
    links: NamedDependency[Links],
    access: NamedDependency[Access],
    credential: NamedDependency[Credential],
) -> StatusView:
    """Say who works, what waits and where the events are."""
    view = await bulletin.read()
    return StatusView(
        version=version("echobase"),
        bus="away" if view.events is None else "connected",
        events=view.events,
        lanes=view.lanes,
        dead=view.dead,
        workers=view.workers,
        readers=hub.readers,
        ingest=links.ingest,
        locked=access.ring.keys.locked,
        scopes=[scope for scope in SCOPES if credential.may([scope])],
    )
