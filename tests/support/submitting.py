"""What tests of SUBMIT have in common: publishing, and what came of it."""

import base64
import json

from shared import subjects
from shared.bus import Bus, Message, StoredMessage
from shared.messages import Queued, Refused, decode, decode_event
from shared.topology import DEAD, SUBMIT
from tests.support.ingest import events

SUBJECT = "echobase.submit.county.fire"


def inline(audio: bytes, **fields: object) -> bytes:
    """A submission that holds its audio."""
    return json.dumps({"audio": base64.b64encode(audio).decode(), **fields}).encode()


def stored(key: str, **fields: object) -> bytes:
    """A submission that names an object."""
    return json.dumps({"object": key, **fields}).encode()


async def submit(
    bus: Bus,
    data: bytes,
    source: str = "county",
    channel: str = "fire",
    **headers: str,
) -> int:
    """Publish a submission; its sequence."""
    message = Message(subjects.submission(source, channel), data, headers)
    return (await bus.publish(message)).sequence


async def waiting(bus: Bus) -> list[StoredMessage]:
    """What lies in SUBMIT."""
    return [m async for batch in bus.read(SUBMIT.name, [">"]) for m in batch]


async def dead(bus: Bus) -> list[StoredMessage]:
    """What lies in DEAD."""
    return [m async for batch in bus.read(DEAD.name, [">"]) for m in batch]


async def refused(bus: Bus) -> list[Refused]:
    """Every refusal that was announced."""
    return [decode(m.data, Refused) for m in await events(bus) if m.subject.endswith(".refused")]


async def queued(bus: Bus) -> list[Queued]:
    """Every version that was announced."""
    found = [decode_event(m.data) for m in await events(bus) if m.subject.endswith(".queued")]
    return [event for event in found if isinstance(event, Queued)]
