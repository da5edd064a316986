"""SSE clients that follow, leave at any moment and come back with the last id that they saw."""

import asyncio
import random
from collections.abc import Sequence

import httpx
import msgspec
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse
from msgspec import Struct

from shared.messages import ALL_TYPES, Refused, Segment, decode, decode_event
from tests.chaos.clips import Clip
from tests.chaos.history import Client, Filter, Seen

_LONGEST_VISIT = 12.0
"""Seconds."""
_PAUSE = 0.1
_SILENCE = 10.0
"""Seconds without a byte, five heartbeats, after which a connection counts as dead."""


class _Gap(Struct):
    reason: str


def plan_clients(seed: int, clips: Sequence[Clip], count: int) -> list[Client]:
    """So many clients: some follow everything, some a source or a channel, some a recording."""
    chance = random.Random(f"clients {seed}")
    return [_client(chance, n, chance.choice(clips)) for n in range(count)]


def _client(chance: random.Random, number: int, clip: Clip) -> Client:
    match number % 5:
        case 0:
            return Client(f"everything-{number}", Filter())
        case 1:
            return Client(f"source-{number}", Filter(sources=frozenset({clip.source})))
        case 2:
            filter = Filter(
                sources=frozenset({clip.source}),
                channels=frozenset({clip.channel}),
                types=frozenset({"segment", "completed"}),
            )
            return Client(f"channel-{number}", filter)
        case _:
            return Client(f"recording-{number}", Filter(recordings=frozenset({clip.recording})))


class Followers:
    """All the clients of a run."""

    def __init__(self, stream: str, clients: Sequence[Client], seed: int, start: str) -> None:
        """`start`: the id after which those begin that do not follow one recording."""
        self._url = f"{stream}/v1/events"
        self._start = start
        self._seed = seed
        self.clients = clients
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(30.0, read=_SILENCE),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for client in self.clients:
                    tasks.create_task(self._follow(client))
        finally:
            await self._http.aclose()

    async def _follow(self, client: Client) -> None:
        chance = random.Random(f"{client.name} {self._seed}")
        last = None if client.filter.recordings else self._start
        while True:
            client.connections += 1
            try:
                async with asyncio.timeout(chance.uniform(0.2, _LONGEST_VISIT)):
                    await self._visit(client, last, by_header=chance.random() < 0.5)
            except (TimeoutError, httpx.TransportError, SSEError):
                pass
            last = _last_id(client) or last
            # Not at once: a service that is away is not asked in a hot loop.
            await asyncio.sleep(chance.uniform(0, 2 * _PAUSE))

    async def _visit(self, client: Client, last: str | None, *, by_header: bool) -> None:
        params = _query(client.filter)
        headers: dict[str, str] = {}
        if last is not None and by_header:
            headers["Last-Event-ID"] = last
        elif last is not None:
            params = params.add("last_event_id", last)
        async with aconnect_sse(
            self._http, "GET", self._url, params=params, headers=headers
        ) as source:
            if not source.response.is_success:
                client.gaps.append(f"answered {source.response.status_code}")
                return
            async for received in source.aiter_sse():
                _take(client, received)


def _take(client: Client, received: ServerSentEvent) -> None:
    if received.event == "gap":
        client.gaps.append(msgspec.json.decode(received.data, type=_Gap).reason)
    elif received.event in ALL_TYPES:
        epoch, _, sequence = received.id.rpartition("-")
        client.seen.append(Seen(epoch, int(sequence), received.event, *_what(received)))


def _what(received: ServerSentEvent) -> tuple[str, int, int | None]:
    """Recording, version and segment of an event; a refusal has an id of its own."""
    data = received.data.encode()
    if received.event == "refused":
        return decode(data, Refused).submission, 0, None
    event = decode_event(data)
    index = event.index if isinstance(event, Segment) else None
    return event.recording, event.version, index


def _last_id(client: Client) -> str | None:
    return f"{client.seen[-1].epoch}-{client.seen[-1].sequence}" if client.seen else None


def _query(filter: Filter) -> httpx.QueryParams:
    named = {
        "recording": filter.recordings,
        "source": filter.sources,
        "channel": filter.channels,
        "type": filter.types,
    }
    return httpx.QueryParams({name: sorted(values) for name, values in named.items()})
