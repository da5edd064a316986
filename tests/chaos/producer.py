"""Sends the clips as real clients do: again and again until they are accepted."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tests.chaos.clips import Clip
from tests.chaos.door import ACCEPTED, Answer, Door, House, NoAnswer
from tests.chaos.doors import DOORS, RAW, WATCHED, way
from tests.chaos.history import Asked, Sending, Told

Again = Literal["no", "at once", "later"]
FULL = 507
_RETRIED = frozenset({408, 429, 500, 502, 503, 504, FULL})
_AT_ONCE = 8
"""Uploads that are under way at a time."""
_WAITING = 24
"""The same of those whose senders wait for the words."""
_FILES = 0.4
"""How many of the clips that can be files are."""
_LISTENING = 2.0
"""Times the patience of other senders, for those."""
_BURST = 6


@dataclass(frozen=True)
class Upload:
    """One upload as planned."""

    at: float
    """Seconds from the run's beginning."""
    clip: Clip
    door: Door
    words: bool
    again: Again
    """Whether it is sent a second time on purpose."""


def plan_uploads(
    seed: int, clips: Sequence[Clip], seconds: float, doors: Sequence[Door] = DOORS
) -> list[Upload]:
    """Every clip once, half of them in bursts; some of them also with words, or doubled."""
    chance = random.Random(f"uploads {seed}")
    planned: list[Upload] = []
    at = 0.0
    for n, clip in enumerate(clips):
        if n % _BURST == 0 or chance.random() < 0.5:
            at = chance.uniform(0, seconds)
        planned.append(_upload(chance, at, clip, doors, words=False))
        if chance.random() < 0.1:
            at_last = chance.uniform(at, seconds)
            planned.append(_upload(chance, at_last, clip, doors, words=True))
    return sorted(planned, key=lambda upload: upload.at)


def _upload(
    chance: random.Random, at: float, clip: Clip, doors: Sequence[Door], *, words: bool
) -> Upload:
    again: Again = chance.choices(("no", "at once", "later"), (6, 1, 1))[0]
    # Of the doors that there are for it. Few clips can be files, which would hardly be used else.
    possible = [door for door in doors if door.takes(clip, words=words)]
    files = [door for door in possible if door in WATCHED]
    door = chance.choice(files if files and chance.random() < _FILES else possible or [RAW])
    return Upload(at, clip, door, words, again)


class Producer:
    """Sends, and remembers what was answered."""

    def __init__(self, house: House, seed: int, patience: float) -> None:
        """`patience`: seconds after which an upload that nobody accepts is given up."""
        self._house = house
        self._patience = patience
        self._chance = random.Random(f"producer {seed}")
        self._rooms = {False: asyncio.Semaphore(_AT_ONCE), True: asyncio.Semaphore(_WAITING)}
        self.accepted: set[Asked] = set()
        self.not_accepted: list[str] = []
        self.wrong: list[str] = []
        """What was wrong with answers."""
        self.told: list[Told] = []
        """Texts that senders were told."""
        self.sent: dict[Asked, list[Sending]] = {}
        """By which doors each was sent, whatever came of it."""
        self.statuses: Counter[int] = Counter()
        """Answers by their status."""
        self.doors: Counter[str] = Counter()
        """Accepted uploads by their door."""
        self.broken = 0
        """Uploads that were not answered: refused connections, broken ones."""
        self.doubled = 0
        """Uploads that were accepted before."""

    async def run(self, uploads: Sequence[Upload]) -> None:
        """Send everything that is planned, when it is due; returns once all is answered."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for upload in uploads:
                # The pace of the world outside, which waits for nobody.
                await asyncio.sleep(max(0.0, began + upload.at - time.monotonic()))
                tasks.create_task(self._send_planned(upload))

    async def send(self, clip: Clip, *, words: bool = False, door: Door = RAW) -> bool:
        """Send a clip until it is accepted, and its text known if its sender waits for that;
        whether it was."""
        patience = self._patience * (_LISTENING if door.waits else 1.0)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status = await self.try_once(clip, words=words, door=door)
            if status == ACCEPTED:
                return True
            if status is not None and status not in _RETRIED:
                self.not_accepted.append(f"{clip.path.name} was refused with {status}")
                return False
            await asyncio.sleep(self._chance.uniform(0.1, 1.0))
        self.not_accepted.append(f"{clip.path.name}: {door.name} did not take it in {patience:g} s")
        return False

    async def try_once(self, clip: Clip, *, words: bool = False, door: Door = RAW) -> int | None:
        """Send a clip once; the answer's status, None without one."""
        door = way(door, clip, words=words)
        async with self._rooms[door.waits]:
            sending = Sending(door.name, datetime.now(UTC), door.metadata(clip))
            self.sent.setdefault(Asked(clip.recording, words), []).append(sending)
            try:
                answer = await door.send(self._house, clip, words=words)
            except NoAnswer:
                self.broken += 1
                return None
        return self._take(clip, answer, door, words=words)

    def _take(self, clip: Clip, answer: Answer, door: Door, *, words: bool) -> int:
        self.statuses[answer.status] += 1
        if answer.wrong:
            self.wrong.append(f"{clip.path.name}: {answer.wrong}")
        if answer.id is not None:
            self._accept(clip, answer.id, door, words=words)
        if answer.text is None:
            return answer.status
        self.told.append(Told(Asked(clip.recording, words), answer.text, door.name))
        return ACCEPTED

    def _accept(self, clip: Clip, id: str, door: Door, *, words: bool) -> None:
        asked = Asked(clip.recording, words)
        if id != clip.recording:
            self.not_accepted.append(f"{clip.path.name} was given the id {id}")
        self.doubled += asked in self.accepted
        self.doors[door.name] += 1
        self.accepted.add(asked)

    async def _send_planned(self, upload: Upload) -> None:
        async def send() -> None:
            await self.send(upload.clip, words=upload.words, door=upload.door)

        if upload.again == "at once":
            await asyncio.gather(send(), send())
        else:
            await send()
        if upload.again == "later":
            await send()
