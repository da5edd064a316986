"""Says something else of the channels again and again, while everything dies."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import msgspec

from shared.channels import ChannelRecord
from shared.subjects import LANES
from tests.chaos.clips import CHANNELS, RADIO, SOURCES, TALKGROUPS
from tests.chaos.history import Said

PLACES: Sequence[tuple[str, str]] = (
    *((RADIO, talkgroup) for talkgroup in TALKGROUPS),
    (SOURCES[0], CHANNELS[0]),
    (SOURCES[1], CHANNELS[2]),
)
"""Sources and channels of which something is said."""
_PROMPTS = (None, "Engine 4, Medic 2, respond to Birch Street.")
_LONGEST_PAUSE = 1.5
_AGAIN = 0.2
_TAKEN = httpx.codes.OK.value


class Sayer:
    """One who says what counts: the next thing only when the one before was taken."""

    def __init__(self, http: httpx.AsyncClient, ingest: str, seed: int) -> None:
        """`ingest`: the service's address."""
        self._http = http
        self._url = f"{ingest}/v1/channels"
        self._chance = random.Random(f"channels {seed}")
        self.said: list[Said] = []

    async def begin(self) -> None:
        """Say something of each channel. It must be taken."""
        for place in PLACES:
            await self._say(place)

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE))
            await self._say(self._chance.choice(PLACES))

    async def _say(self, place: tuple[str, str]) -> None:
        record = ChannelRecord(
            source=place[0],
            channel=place[1],
            label=f"Label {len(self.said)}",
            prompt=self._chance.choice(_PROMPTS),
            hotwords=self._chance.choice(([], ["Birch Street", "Engine 4"])),
            language=self._chance.choice((None, "en")),
            lane=self._chance.choice((None, *LANES)),
        )
        said = Said(datetime.now(UTC), None, record)
        self.said.append(said)
        while not await self._taken(record):  # noqa: ASYNC110 - ingest tells nobody
            await asyncio.sleep(_AGAIN)
        self.said[-1] = said._replace(answered=datetime.now(UTC))

    async def _taken(self, record: ChannelRecord) -> bool:
        address = "/".join(quote(name, safe="") for name in (record.source, record.channel))
        names = ("label", "prompt", "hotwords", "language", "lane")
        given = {name: value for name in names if (value := getattr(record, name))}
        try:
            answer = await self._http.put(
                f"{self._url}/{address}",
                content=msgspec.json.encode(given),
                headers={"Content-Type": "application/json"},
            )
        except httpx.TransportError:
            return False
        return answer.status_code == _TAKEN
