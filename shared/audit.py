"""Who did what: sign-ins, playback, corrections, deletions, keys.

Each record is a line of the log (logger `echobase.audit`, whatever the log's level) and, as soon as
NATS is there, a message of the stream AUDIT. It never holds a key, nor what was said.
"""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from shared.bus import Bus, Message
from shared.errors import BusUnavailable
from shared.keys import Credential

log = logging.getLogger("echobase.audit")
log.setLevel(logging.INFO)

Action = Literal[
    "signed-in",
    "sign-in-refused",
    "signed-out",
    "stream-token",
    "played",
    "corrected",
    "deleted",
    "held",
    "released",
    "key-added",
    "key-revoked",
    "webhook-added",
    "webhook-changed",
    "webhook-removed",
    "channel-set",
    "channel-removed",
    "channels-imported",
]
_MOST_WAITING = 10_000
"""Records that wait for NATS; of more, the oldest stay in the log alone."""
_PAUSE = 1.0


class AuditRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody did."""

    time: Annotated[datetime, Meta(description="When")]
    service: Annotated[str, Meta(description="Which service, or command, was asked")]
    action: Annotated[Action, Meta(description="What was done")]
    key: Annotated[str, Meta(description="Id of the key; empty if there was none")] = ""
    session: Annotated[str, Meta(description="Id of the page's session, if it was one")] = ""
    address: Annotated[str, Meta(description="Where the request came from")] = ""
    about: Annotated[dict[str, str], Meta(description="What it was done to")] = {}


class Audit:
    """Takes records, and brings them to the log and to AUDIT."""

    def __init__(self, bus: Bus, service: str) -> None:
        self._bus = bus
        self._service = service
        self._waiting: deque[AuditRecord] = deque(maxlen=_MOST_WAITING)
        self._more = asyncio.Event()

    def note(
        self, action: Action, by: Credential | None, address: str = "", **about: str
    ) -> AuditRecord:
        """Record an action. Neither waits nor fails: the log has it at once, NATS soon."""
        record = AuditRecord(
            time=datetime.now(UTC),
            service=self._service,
            action=action,
            key=by.key if by else "",
            session=by.session if by else "",
            address=address,
            about=about,
        )
        shown = {"action": action, "key": record.key, "session": record.session}
        log.info(action, extra={**shown, "address": address, "about": about})
        self._waiting.append(record)
        self._more.set()
        return record

    async def run(self) -> None:
        """Publish what was recorded, for ever; NATS is waited for."""
        while True:
            await self._more.wait()
            self._more.clear()
            await self.flush()

    async def flush(self) -> None:
        """Publish what waits, however long that takes."""
        while self._waiting:
            record = self._waiting[0]
            # Its id makes a second attempt harmless after an answer that was lost.
            message = _message(record)
            while True:
                try:
                    await self._bus.publish(message)
                    break
                except BusUnavailable:
                    await asyncio.sleep(_PAUSE)
            if self._waiting and self._waiting[0] is record:
                self._waiting.popleft()


def _message(record: AuditRecord) -> Message:
    return Message(
        f"echobase.audit.{record.action}", msgspec.json.encode(record), message_id=uuid4().hex
    )
