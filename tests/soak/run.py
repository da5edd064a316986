"""One soak: bad pieces one after another, a good recording after each, and what is left in the end.

Findings are collected, not raised: a run tells of everything that is wrong.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from deploy.local.samples import samples
from shared import subjects
from shared.bus import Bus, Message, StoredMessage
from shared.client import Accepted, Client, Gap
from shared.messages import Completed, Failed, Refused, Segment, decode
from shared.nats_bus import connect
from shared.outcome import Outcome, follow_to_end
from shared.topology import DEAD, EVENTS, SUBMIT
from tests.soak import door
from tests.soak.piece import BadJob, Piece, Submission
from tests.soak.site import SERVICES, Site
from tests.soak.verdict import unclear, wrong
from tests.support.nats_buses import until

SETTLED = 100
"""Pieces after which the services are as large as they should ever be."""
GROWTH = 0.10
"""Share by which they may be larger in the end."""
_ENDS = (".refused", ".completed", ".failed")
_GOOD = min(samples(), key=lambda sample: sample.duration)
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Result:
    """What came of a soak."""

    seed: int
    pieces: int = 0
    outcomes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    """By kind of piece, what came of it."""
    good: int = 0
    """Good recordings that were transcribed right after a piece."""
    dead: int = 0
    """Dead letters."""
    seconds: float = 0.0
    sizes: dict[int, Mapping[str, int]] = field(default_factory=dict[int, Mapping[str, int]])
    """Each process's resident bytes after every so many pieces."""
    findings: list[str] = field(default_factory=list[str])
    """Everything that is wrong."""


class Soak:
    """One soak of one stack."""

    def __init__(self, site: Site, seed: int, tell: Callable[[Result], None]) -> None:
        """`tell` is called after each piece."""
        self._site = site
        self._tell = tell
        self._result = Result(seed)
        self._kept: set[str] = set()
        """Ids of what was accepted, and must be all that is kept."""
        self._letters = 0
        """Dead letters that must be there."""
        self._words = ""
        self._turn = 0

    async def run(self, pieces: Iterable[Piece]) -> Result:
        """Send them all."""
        began = time.monotonic()
        bus = await connect(self._site.nats, "soak")
        try:
            async with Client(self._site.stack.addresses) as client:
                self._words = await self._good(client)
                for piece in pieces:
                    await self._one(piece, client, bus)
            await self._check_end(bus)
        finally:
            await bus.close()
        self._result.seconds = time.monotonic() - began
        return self._result

    async def _one(self, piece: Piece, client: Client, bus: Bus) -> None:
        outcome = await self._send(piece, client, bus)
        self._result.outcomes.setdefault(piece.kind, Counter())[outcome] += 1
        heard = await self._good(client)
        if heard == self._words:
            self._result.good += 1
        else:
            self._find(piece, f"the good recording after it became {heard!r}")
        # What nobody answered may take a moment to be cleared away.
        await self._only_kept_is_spooled(piece)
        self._result.pieces += 1
        if self._result.pieces % SETTLED == 0:
            self._result.sizes[self._result.pieces] = self._site.sizes()
        self._tell(self._result)

    async def _send(self, piece: Piece, client: Client, bus: Bus) -> str:
        if isinstance(piece, BadJob):
            await bus.publish(Message(subjects.job("live"), piece.payload))
            self._letters += 1
            return "dead letter"
        if isinstance(piece, Submission):
            return await self._submit(piece, bus)
        answer = await door.send(piece, self._site.port, self._unlike_any())
        if complaint := wrong(piece, answer):
            self._find(piece, complaint)
        if answer.status != 202:
            return f"refused {answer.status}" if answer.status else "no answer"
        accepted = msgspec.json.decode(answer.body, type=Accepted)
        return (await self._ended(accepted, client))[0]

    async def _submit(self, piece: Submission, bus: Bus) -> str:
        """What comes of a submission, by the last event of a channel of its own."""
        self._turn += 1
        channel = f"piece-{self._turn}"
        await bus.publish(Message(f"echobase.submit.{piece.token}.{channel}", piece.payload))
        last: StoredMessage | None = None

        async def over() -> bool:
            nonlocal last
            last = await bus.last(EVENTS.name, f"echobase.events.*.{channel}.>")
            return last is not None and last.subject.endswith(_ENDS)

        await until(over)
        assert last is not None
        _, _, _, _, recording, _, kind = last.subject.split(".")
        if kind == "refused":
            self._letters += 1
            if complaint := unclear(piece, decode(last.data, Refused)):
                self._find(piece, complaint)
            return "refused by an event"
        self._kept.add(recording)
        if kind == "failed":
            self._letters += 1
        if piece.right != "either":
            self._find(piece, f"was taken: {kind}")
        return "transcribed" if kind == "completed" else kind

    async def _good(self, client: Client) -> str:
        """The words of a good recording, or why there are none."""
        accepted = await client.upload(_GOOD.path, self._unlike_any())
        outcome, heard = await self._ended(accepted, client)
        return heard if outcome == "transcribed" else outcome

    async def _ended(self, accepted: Accepted, client: Client) -> tuple[str, str]:
        """How an accepted recording ended, and its words."""
        self._kept.add(accepted.id)
        heard: list[str] = []
        outcome = "no end"
        async with aclosing(follow_to_end(client, Outcome([accepted]))) as events:
            async for event in events:
                match event:
                    case Gap():
                        outcome = f"gap: {event.reason}"
                    case Segment():
                        heard.append(event.text)
                    case Completed():
                        outcome = "transcribed"
                    case Failed():
                        self._letters += 1
                        outcome = f"failed: {event.code}"
                    case _:
                        pass
        return outcome, " ".join(heard)

    def _unlike_any(self) -> dict[str, str]:
        """Fields that make a recording another one than any before."""
        self._turn += 1
        start = _BEGINNING + timedelta(seconds=self._turn)
        return {"source": "soak", "start": start.isoformat()}

    async def _only_kept_is_spooled(self, piece: Piece) -> None:
        async def held() -> bool:
            return self._site.spooled() <= self._kept

        try:
            await until(held)
        except TimeoutError:
            self._find(piece, f"left in the spool: {self._site.spooled() - self._kept}")

    async def _check_end(self, bus: Bus) -> None:
        async def settled() -> bool:
            self._result.dead = sum([len(batch) async for batch in bus.read(DEAD.name, [">"])])
            return self._result.dead >= self._letters

        findings = self._result.findings
        try:
            await until(settled)
        except TimeoutError:
            findings.append(f"{self._result.dead} dead letters instead of {self._letters}")
        if self._result.dead > self._letters:
            findings.append(f"{self._result.dead} dead letters instead of {self._letters}")
        if waiting := sum([len(batch) async for batch in bus.read(SUBMIT.name, [">"])]):
            findings.append(f"{waiting} messages wait in SUBMIT")
        if strays := await self._site.stored() - self._kept:
            findings.append(f"left in the store: {strays}")
        if left := self._site.temporary():
            findings.append(f"temporary files were left: {left}")
        findings += [*self._site.changes(), *self._site.faults(), *self._growth()]

    def _growth(self) -> list[str]:
        sizes = list(self._result.sizes.values())
        if len(sizes) < 2:
            return []
        grown = {name: sizes[-1][name] / sizes[0][name] for name in SERVICES}
        return [
            f"{name} is {share - 1:.0%} larger than after the first {SETTLED} pieces"
            for name, share in grown.items()
            if share > 1 + GROWTH
        ]

    def _find(self, piece: Piece, what: str) -> None:
        self._result.findings.append(f"piece {self._result.pieces + 1} ({piece.kind}): {what}")
