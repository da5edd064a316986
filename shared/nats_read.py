"""Reading what a stream holds: its last message, or all that filters match, by batches."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping, Sequence

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg

from shared.bus import StoredMessage
from shared.errors import BusUnavailable
from shared.nats_channel import Channel, description, publisher_headers, status
from shared.nats_link import TIMEOUT, Link

BATCH = 256
NOT_FOUND = 10037
NOT_REMOVED = (10043, 10057)
"""Of an erasure, and of a removal; that there is no such message is the usual reason."""


class _Error(Struct):
    code: int
    description: str = ""
    err_code: int = 0


class _Message(Struct):
    subject: str
    seq: int
    hdrs: str = ""
    data: str = ""


class _Answer(Struct):
    message: _Message | None = None
    error: _Error | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Reader:
    """Reads over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def last(self, stream: str, subjects: str) -> StoredMessage | None:
        """The last message that the filter matches.

        Asks the stream's leader: a copy elsewhere, which direct reads may reach, can lag behind.
        """
        return await self._message(stream, {"last_by_subj": subjects})

    async def get(self, stream: str, sequence: int) -> StoredMessage | None:
        """The message of a sequence. Asks the stream's leader, as `last` does."""
        return await self._message(stream, {"seq": sequence})

    async def delete(self, stream: str, sequence: int, erase: bool) -> bool:
        """Remove a message; False if it was gone already."""
        # Overwriting costs as much as a write: only what must not be found again is worth it.
        answer = await self._ask("DELETE", stream, {"seq": sequence, "no_erase": not erase})
        if answer.error is None:
            return True
        gone = answer.error.err_code in NOT_REMOVED and await self.get(stream, sequence) is None
        if not gone:
            raise _unavailable(stream, answer.error)
        return False

    async def _message(self, stream: str, request: Mapping[str, str | int]) -> StoredMessage | None:
        answer = await self._ask("GET", stream, request)
        if answer.error is None:
            return None if answer.message is None else _unpack(answer.message)
        if answer.error.err_code != NOT_FOUND:
            raise _unavailable(stream, answer.error)
        return None

    async def _ask(
        self, what: str, stream: str, request: Mapping[str, str | int | bool]
    ) -> _Answer:
        """The leader's answer about one message."""
        subject = f"$JS.API.STREAM.MSG.{what}.{stream}"
        raw = await self._link.request(subject, msgspec.json.encode(request))
        if status(raw) is not None:
            raise BusUnavailable(f"{stream}: JetStream does not answer")
        return _ANSWER.decode(raw.data)

    async def read(
        self, stream: str, subjects: Sequence[str], start: int
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        """What the stream holds under the filters from `start` on, in order, by batches."""
        pages = {subject: _Page(max(1, start)) for subject in subjects}
        while True:
            for subject, page in pages.items():
                if not page.messages and not page.ended:
                    await self._fill(page, stream, subject)
            # A page that has not ended says nothing of what comes after its last message.
            open_ends = [p.messages[-1].sequence for p in pages.values() if not p.ended]
            horizon = min(open_ends) if open_ends else None
            batch: dict[int, StoredMessage] = {}
            for page in pages.values():
                batch |= {message.sequence: message for message in page.take(horizon)}
            if batch:
                yield [batch[sequence] for sequence in sorted(batch)]
            if horizon is None:
                return

    async def _fill(self, page: "_Page", stream: str, subject: str) -> None:
        request = {"batch": BATCH, "seq": page.next, "next_by_subj": subject}
        async with Channel(self._link) as channel:
            await self._link.send(
                f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request), reply=channel.subject
            )
            while await channel.wait(TIMEOUT):
                for message in channel.take():
                    code = status(message)
                    if code is None:
                        page.messages.append(_lift(message))
                    else:
                        page.ended = _ends(stream, code, message)
                        page.next = page.messages[-1].sequence + 1 if page.messages else page.next
                        return
        raise BusUnavailable(f"{stream}: no answer to a read within {TIMEOUT:g} s")


class _Page:
    """What was read ahead of one filter."""

    def __init__(self, start: int) -> None:
        self.next = start
        self.ended = False
        self.messages: list[StoredMessage] = []

    def take(self, horizon: int | None) -> list[StoredMessage]:
        if horizon is None:
            taken, self.messages = self.messages, []
            return taken
        taken = [m for m in self.messages if m.sequence <= horizon]
        del self.messages[: len(taken)]
        return taken


def _ends(stream: str, code: str, message: Msg) -> bool:
    """Whether an answer's end is that of the stream too."""
    match code:
        case "204":
            return (message.headers or {}).get("Nats-Num-Pending") == "0"
        case "404":
            return True
        case _:
            raise BusUnavailable(f"{stream}: {description(message) or 'no such stream'} ({code})")


def _unavailable(stream: str, error: _Error) -> BusUnavailable:
    return BusUnavailable(f"{stream}: {error.description} ({error.err_code})")


def _lift(message: Msg) -> StoredMessage:
    headers = message.headers or {}
    return StoredMessage(
        headers["Nats-Subject"],
        message.data,
        publisher_headers(headers),
        int(headers["Nats-Sequence"]),
    )


def _unpack(message: _Message) -> StoredMessage:
    lines = b64decode(message.hdrs).decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    return StoredMessage(
        message.subject, b64decode(message.data), publisher_headers(headers), message.seq
    )
