"""Stands in for the `nats` command where that is not on the machine, for what documentation shows.

No registry that the tests may use has the command. This reads its arguments as strictly as it does,
by the flags that version 0.4 has for `pub` and `sub`, and does the same to a real server: the
subjects, the headers, the JetStream consumer and the login are tried, the command itself is not.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of `nats` itself and of its commands: flags that a value follows, and those that none does.
_VALUED = _names("""
    server user password token connection-name creds nkey jwt seed tlscert tlskey tlsca timeout
    socks-proxy js-api-prefix js-event-prefix js-domain inbox-prefix colors context
""")
_PLAIN = _names("tlsfirst trace no-context")
_COMMANDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "pub": (
        _names("reply header count schedule-after send-on sleep"),
        _names("atomic force-stdin jetstream quiet templates"),
    ),
    "sub": (
        _names("""
            queue durable translate count dump start-sequence since stream ignore-subject wait
        """),
        _names("""
            raw ack match-replies inbox headers-only subjects-only all new last last-per-subject
            terminate-at-end report-subjects timestamp delta-time graph direct
        """),
    ),
}
_SHORT = {
    "s": "server",
    "H": "header",
    "J": "jetstream",
    "q": "quiet",
    "r": "raw",
    "t": "timestamp",
}
_ALIASES = {"publish": "pub", "subscribe": "sub"}
_DONE = {"inbox-prefix", "jetstream", "header", "stream", "new", "raw", "count"}
"""What is carried out here."""


class Usage(Exception):
    """A command line that `nats` would refuse, or that is beyond the stand-in."""


@dataclass
class Line:
    """A command line, taken apart."""

    command: str = ""
    given: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    words: list[str] = field(default_factory=list[str])

    def one(self, flag: str, otherwise: str = "") -> str:
        """The last value of a flag."""
        return self.given.get(flag, [otherwise])[-1]


def parse(arguments: Sequence[str]) -> Line:
    """A command line. Raises Usage, which names what is wrong."""
    line, rest = Line(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            name, _, value = _long(word).partition("=")
            if _takes_value(line.command, name) and not value:
                if not rest:
                    raise Usage(f"expected argument for flag '--{name}'")
                value = rest.pop(0)
            line.given.setdefault(name, []).append(value)
        elif not line.command:
            line.command = _ALIASES.get(word, word)
            if line.command not in _COMMANDS:
                raise Usage(f"the stand-in knows no command {word!r}")
        else:
            line.words.append(word)
    if beyond := set(line.given) - _DONE:
        raise Usage(f"the stand-in does not do {sorted(beyond)}")
    return line


def _long(word: str) -> str:
    if word.startswith("--"):
        return word[2:]
    if word[1:] not in _SHORT:
        raise Usage(f"unknown short flag '{word}'")
    return _SHORT[word[1:]]


def _takes_value(command: str, name: str) -> bool:
    valued, plain = _COMMANDS.get(command, (frozenset[str](), frozenset[str]()))
    if name not in _VALUED | _PLAIN | valued | plain:
        raise Usage(f"unknown long flag '--{name}'")
    return name in _VALUED | valued


async def main(arguments: Sequence[str]) -> None:
    """Carry a command line out. Raises Usage."""
    line = parse(arguments)
    client = Client()
    await client.connect(
        os.environ["NATS_URL"],
        user=os.environ["NATS_USER"],
        password=os.environ["NATS_PASSWORD"],
        inbox_prefix=line.one("inbox-prefix", "_INBOX"),
    )
    try:
        await (_publish if line.command == "pub" else _subscribe)(client, line)
    finally:
        await client.close()


async def _publish(client: Client, line: Line) -> None:
    [subject, *bodies] = line.words
    body = bodies[0] if bodies else sys.stdin.read()
    if "{{" in body:
        raise Usage("the command would take the body for a template")
    headers = dict(_header(each) for each in line.given.get("header", []))
    _note(f'Published {len(body)} bytes to "{subject}"')
    if "jetstream" not in line.given:
        await client.publish(subject, body.encode(), headers=headers)
        return
    kept = await JetStreamContext(client).publish(subject, body.encode(), headers=headers)
    _note(f"Stored in Stream: {kept.stream} Sequence: {kept.seq}")


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not colon:
        raise Usage(f"header {given!r} is not K:V")
    return name.strip(), value.strip()


async def _subscribe(client: Client, line: Line) -> None:
    """By an ephemeral pull consumer without acknowledgments, as the command does."""
    [subject] = line.words
    stream = line.one("stream")
    if not stream or "new" not in line.given or "raw" not in line.given:
        raise Usage("the stand-in follows with --stream, --new and --raw")
    settings = ConsumerConfig(
        ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW, filter_subject=subject
    )
    events = await JetStreamContext(client).pull_subscribe(subject, stream=stream, config=settings)
    _note(f"Subscribing to subject {subject} for new messages")
    left = int(line.one("count", "-1"))
    while left != 0:
        try:
            found = await events.fetch(1, timeout=5)
        except TimeoutError:
            continue
        for message in found:
            sys.stdout.write(f"{message.data.decode()}\n")
            sys.stdout.flush()
            left -= 1


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except Usage as problem:
        sys.exit(f"nats: error: {problem}")
