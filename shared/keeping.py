"""How long recordings are kept: the limits of a channel, and what has to go. Pure.

A recording is forgotten in two steps: its audio first, then the rest of it, transcripts and all.
Age counts from when it was received. Over a limit of bytes the oldest goes first. What is held
(`shared.erasure`) never goes.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

FOREVER = "forever"
_AGE = re.compile(r"(\d{1,6})([smhdw])\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_ALLOWED_AGE = f"allowed is a number with s, m, h, d or w, such as `90d`, or `{FOREVER}`"
ANY = "*"
"""In a rule's name: whatever the source or the channel."""

What = Literal["audio", "all"]
Reason = Literal["request", "age", "size"]


def read_age(text: str) -> str:
    """An age in its one form. Raises ValueError."""
    age = text.strip().lower()
    if age != FOREVER and (not (found := _AGE.match(age)) or not int(found[1])):
        raise ValueError(_ALLOWED_AGE)
    return age


def seconds(age: str) -> float:
    """The seconds of an age that `read_age` has read; 0 for ever."""
    if age == FOREVER:
        return 0.0
    return float(int(age[:-1]) * _UNITS[age[-1]])


@dataclass(frozen=True)
class Limits:
    """What is kept of a channel's recordings; 0 is no limit."""

    audio: float = 0.0
    """Seconds for which the audio is kept."""
    transcripts: float = 0.0
    """Seconds for which the recording is kept at all."""
    audio_bytes: int = 0
    transcripts_bytes: int = 0


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs for a channel; what is absent is as everywhere."""

    audio: str | None = None
    transcripts: str | None = None
    audio_bytes: int | None = None
    transcripts_bytes: int | None = None

    def over(self, limits: Limits) -> Limits:
        """These limits, with what the rule says in their place."""
        return Limits(
            limits.audio if self.audio is None else seconds(self.audio),
            limits.transcripts if self.transcripts is None else seconds(self.transcripts),
            limits.audio_bytes if self.audio_bytes is None else self.audio_bytes,
            limits.transcripts_bytes if self.transcripts_bytes is None else self.transcripts_bytes,
        )


def read_rules(text: str) -> str:
    """The rules in their one form: JSON, `<source>/<channel>` (or `*` for either) to a Rule.

    Raises ValueError.
    """
    if not text.strip():
        return ""
    try:
        found = msgspec.json.decode(text, type=dict[str, Rule])
    except msgspec.DecodeError as error:
        raise ValueError(f"allowed is a JSON object of channels: {error}") from None
    for name, rule in found.items():
        if "/" not in name:
            raise ValueError(f"{name!r} is no <source>/<channel>")
        if any(read_age(age) != age for age in (rule.audio, rule.transcripts) if age is not None):
            raise ValueError(_ALLOWED_AGE)
        if min(rule.audio_bytes or 0, rule.transcripts_bytes or 0) < 0:
            raise ValueError("bytes are not below 0")
    return text


@dataclass(frozen=True)
class Rules:
    """The limits of every channel."""

    everywhere: Limits = Limits()
    channels: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    """By `<source>/<channel>`."""
    own: Mapping[tuple[str, str], Rule] = field(default_factory=dict[tuple[str, str], Rule])
    """What is said of single channels while all runs, by source and channel: it comes first."""

    def limits(self, source: str, channel: str) -> Limits:
        """Those of one channel, by its real names: the most exact rule, else those of everywhere.

        What is said of the channel itself takes the place of what the rule says.
        """
        limits = self._by_settings(source, channel)
        own = self.own.get((source, channel))
        return own.over(limits) if own else limits

    def _by_settings(self, source: str, channel: str) -> Limits:
        for name in (f"{source}/{channel}", f"{source}/{ANY}", f"{ANY}/{channel}"):
            if rule := self.channels.get(name):
                return rule.over(self.everywhere)
        return self.everywhere

    def has_own(self, source: str, channel: str, kind: What) -> bool:
        """Whether a channel's bytes are counted for itself, and not with the others'."""
        mine, all_ = self.limits(source, channel), self.everywhere
        if kind == "audio":
            return mine.audio_bytes != all_.audio_bytes
        return mine.transcripts_bytes != all_.transcripts_bytes


def rules(everywhere: Limits, channels: str) -> Rules:
    """The rules, from the limits of everywhere and what `read_rules` has read."""
    return Rules(
        everywhere, msgspec.json.decode(channels, type=dict[str, Rule]) if channels else {}
    )


@dataclass(frozen=True)
class Kept:
    """A recording as the store has it."""

    id: str
    source: str
    channel: str
    received: datetime
    audio: int
    """Bytes of its audio; 0 if that is forgotten."""
    rest: int
    """Bytes of everything else."""
    held: bool = False
    """Whether a hold keeps it, whatever the limits."""


@dataclass(frozen=True)
class Forget:
    """What has to go, and why."""

    id: str
    what: What
    reason: Reason


def decide(kept: Iterable[Kept], rules: Rules, now: datetime) -> list[Forget]:
    """What has to go now, the oldest first."""
    free = sorted(kept, key=lambda each: (each.received, each.id))
    found: dict[str, Forget] = {}
    _by_age(free, rules, now, found)
    _by_bytes(free, rules, "all", lambda each: each.rest, found)
    _by_bytes(free, rules, "audio", lambda each: each.audio, found)
    return [found[each.id] for each in free if each.id in found]


def _by_age(kept: Sequence[Kept], rules: Rules, now: datetime, found: dict[str, Forget]) -> None:
    for each in kept:
        limits = rules.limits(each.source, each.channel)
        age = now - each.received
        if each.held:
            continue
        if limits.transcripts and age > timedelta(seconds=limits.transcripts):
            found[each.id] = Forget(each.id, "all", "age")
        elif each.audio and limits.audio and age > timedelta(seconds=limits.audio):
            found[each.id] = Forget(each.id, "audio", "age")


def _by_bytes(
    kept: Sequence[Kept],
    rules: Rules,
    what: What,
    size: Callable[[Kept], int],
    found: dict[str, Forget],
) -> None:
    """Have the oldest go until what stays fits; what is held counts, and stays."""
    groups: dict[tuple[str, str] | None, list[Kept]] = defaultdict(list)
    for each in kept:
        if not _goes(found.get(each.id), what):
            own = rules.has_own(each.source, each.channel, what)
            groups[(each.source, each.channel) if own else None].append(each)
    for channel, members in groups.items():
        limits = rules.everywhere if channel is None else rules.limits(*channel)
        most = limits.audio_bytes if what == "audio" else limits.transcripts_bytes
        over = sum(map(size, members)) - most if most else 0
        for each in members:
            if over <= 0:
                break
            if size(each) and not each.held:
                found[each.id] = Forget(each.id, what, "size")
                over -= size(each)


def _goes(decided: Forget | None, what: What) -> bool:
    """Whether so much of it goes already."""
    return decided is not None and (decided.what == "all" or decided.what == what)
