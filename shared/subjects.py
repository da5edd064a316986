"""The subjects on which EchoBase speaks: built, parsed and escaped here and nowhere else.

    echobase.submit.<source>.<channel>                                stream SUBMIT
    echobase.jobs.<lane>                                              stream JOBS
    echobase.events.<source>.<channel>.<recording>.<version>.<type>   stream EVENTS
    echobase.dead.<service>                                           stream DEAD
    echobase.webhooks.<receiver>                                      stream WEBHOOKS

A token of a subject holds `[A-Za-z0-9_-]{1,64}`. Any other name is encoded, injectively, into a
slug and a hash; the real name travels in the payload.
"""

import hashlib
import re
from functools import lru_cache
from typing import Literal, NamedTuple

Lane = Literal["urgent", "live", "backfill"]
LANES: tuple[Lane, ...] = ("urgent", "live", "backfill")

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_ENCODED = re.compile(r".*_x[0-9a-f]{16}\Z", re.DOTALL)
_SLUG_LENGTH = 40


def token(name: str) -> str:
    """The subject token for a source or a channel.

    A plain name stands for itself. Any other, and any plain name that looks like an encoded one,
    becomes `<slug>_x<16 hex digits of its SHA-256>`, so that two names never share a token.
    """
    if _PLAIN.match(name) and not _ENCODED.match(name):
        return name
    slug = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")[:_SLUG_LENGTH]
    return f"{slug}_x{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def is_token(text: str) -> bool:
    """Whether it may stand in a subject as it is."""
    return bool(_PLAIN.match(text))


def is_encoded(token: str) -> bool:
    """Whether a token stands for another name, which only the payload tells."""
    # Most are not, and a look at two characters is quicker than a pattern.
    return token[-18:-16] == "_x" and bool(_ENCODED.match(token))


def covers(wide: str, narrow: str) -> bool:
    """Whether a pattern matches every subject that another one matches, by NATS' `*` and `>`."""
    mine, others = wide.split("."), narrow.split(".")
    for at, token in enumerate(mine):
        if token == ">":  # noqa: S105 - no secret
            return len(others) > at
        if at == len(others) or others[at] == ">" or token not in ("*", others[at]):
            return False
    return len(mine) == len(others)


def job(lane: Lane) -> str:
    """The subject of a lane's jobs."""
    return f"echobase.jobs.{lane}"


def dead(service: str) -> str:
    """The subject of a service's dead letters."""
    return f"echobase.dead.{service}"


def webhook(receiver: str) -> str:
    """The subject of what is to be posted to a receiver of webhooks, by its id."""
    return f"echobase.webhooks.{receiver}"


class EventSubject(NamedTuple):
    """The parts of an event's subject; `source` and `channel` are tokens, not names."""

    source: str
    channel: str
    recording: str
    version: int
    type: str

    def __str__(self) -> str:
        return (
            f"echobase.events.{self.source}.{self.channel}"
            f".{self.recording}.{self.version}.{self.type}"
        )


def event(source: str, channel: str, recording: str, version: int, type: str) -> str:
    """The subject of one event; `source` and `channel` are the real names."""
    return str(EventSubject(token(source), token(channel), recording, version, type))


def submission(source: str, channel: str) -> str:
    """The subject by which others submit a recording; `source` and `channel` are real names."""
    return f"echobase.submit.{token(source)}.{token(channel)}"


def parse_submission(subject: str) -> tuple[str, str]:
    """The tokens of source and channel of a submission's subject.

    Raises ValueError if it is none.
    """
    match subject.split("."):
        case ["echobase", "submit", source, channel]:
            return source, channel
        case _:
            raise ValueError(f"not the subject of a submission: {subject!r}")


def refused(submitted: str, id: str) -> str:
    """The subject of the event that a submission was refused: an event of no version.

    `submitted` is the submission's subject, whose tokens its publisher chose; `id` the refusal's.
    """
    source, channel = parse_submission(submitted)
    return str(EventSubject(_safe(source), _safe(channel), id, 0, "refused"))


def _safe(given: str) -> str:
    return given if _PLAIN.match(given) else token(given)


def version_events(source: str, channel: str, recording: str, version: int) -> str:
    """The filter over every event of one version: the scope of its writer's fence."""
    return f"echobase.events.{token(source)}.{token(channel)}.{recording}.{version}.>"


def recording_events(recording: str, type: str = "*") -> str:
    """The filter over the events of one recording, whatever its source, channel and version."""
    return f"echobase.events.*.*.{recording}.*.{type}"


DELETED = "echobase.events.*.*.*.0.deleted"
"""The filter over the events that something was deleted."""


@lru_cache(256)  # the segments of a version have one subject
def parse_event(subject: str) -> EventSubject:
    """The parts of an event's subject.

    Raises ValueError if it is none.
    """
    match subject.split("."):
        case ["echobase", "events", source, channel, recording, version, type] if (
            version.isascii() and version.isdigit()
        ):
            return EventSubject(source, channel, recording, int(version), type)
        case _:
            raise ValueError(f"not the subject of an event: {subject!r}")
