"""What is to be done about the files of one name. Pure: it is told the time, in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.ingest.forward_queue import wait
from services.ingest.watch.folder import Changed
from services.ingest.watch.ledger import Rows
from services.ingest.watch.names import Stamp, is_audio, preference
from services.ingest.watch.trunk_recorder import is_name
from shared.errors import BadInput, Full, NotAudio

PATIENCE = 60.0
"""Seconds for which a call of trunk-recorder's waits for its JSON: when others copy the files, it
need not come first."""
DOUBT = 10.0
"""Times the patience with a changing file: for one that is no audio and may not be finished."""
Files = Mapping[str, Stamp]
"""By their endings."""


@dataclass(frozen=True)
class Sighting:
    """The files of a group as they were found, and since when they are so."""

    files: Files
    since: float


@dataclass(frozen=True)
class Take:
    """A file to be taken."""

    suffix: str
    stamp: Stamp
    is_call: bool
    """Else it is taken for itself."""
    meta: str | None = None
    """Ending of the JSON that tells of it."""
    meta_stamp: Stamp | None = None
    twins: Files = field(default_factory=dict[str, Stamp])
    """The same call in another form, which is not taken."""


@dataclass(frozen=True)
class Decision:
    """What to do: nothing, if all of it is empty."""

    again: float | None = None
    """When to look again: something is not yet finished."""
    takes: tuple[Take, ...] = ()
    twins: Files = field(default_factory=dict[str, Stamp])
    """What was taken before in another form."""
    taken: Files = field(default_factory=dict[str, Stamp])
    """What was taken, its JSON included, and still lies there."""
    refused: Files = field(default_factory=dict[str, Stamp])
    """What was refused, and still lies there."""


def sight(files: Files, before: Sighting | None, now: float) -> Sighting:
    """The files as they are found now."""
    return before if before is not None and before.files == files else Sighting(files, now)


def fresh(files: Files, rows: Rows) -> dict[str, Stamp]:
    """The audio files that are not known, or have changed."""
    return {
        suffix: stamp
        for suffix, stamp in files.items()
        if is_audio(suffix) and (suffix not in rows or rows[suffix].stamp != stamp)
    }


def decide(stem: str, sighting: Sighting, rows: Rows, now: float, settle: float) -> Decision:
    """What to do about a group; `settle`: seconds for which its files must not have changed."""
    files = sighting.files
    new = fresh(files, rows)
    if not new:
        return left(files, rows)
    if now < sighting.since + settle:
        return Decision(again=sighting.since + settle)
    meta = next((suffix for suffix in files if not is_audio(suffix)), None)
    was_call = any(row.state in ("call", "twin") for row in rows.values())
    if meta is None and not was_call:
        if not is_name(stem):
            return Decision(takes=tuple(Take(s, stamp, False) for s, stamp in new.items()))
        if now < sighting.since + PATIENCE:
            return Decision(again=sighting.since + PATIENCE)
    return _call(new, rows, meta, files)


def _call(new: Files, rows: Rows, meta: str | None, files: Files) -> Decision:
    candidates = list(new)
    if any(row.state == "call" for row in rows.values()):
        # Taken already, unless it is that very file which is another one now.
        candidates = [suffix for suffix in new if suffix in rows and rows[suffix].state == "call"]
    if not candidates:
        return Decision(twins=new)
    chosen = min(candidates, key=preference)
    others = {suffix: stamp for suffix, stamp in new.items() if suffix != chosen}
    meta_stamp = files[meta] if meta else None
    return Decision(takes=(Take(chosen, new[chosen], True, meta, meta_stamp, others),))


def left(files: Files, rows: Rows) -> Decision:
    """What still lies there, of files that are all known."""
    refused = {suffix: stamp for suffix, stamp in files.items() if _is_refused(suffix, rows)}
    was_call = any(row.state in ("call", "twin") for row in rows.values())
    taken = {
        suffix: stamp
        for suffix, stamp in files.items()
        if suffix not in refused and (suffix in rows or was_call)
    }
    if refused and not taken:
        refused |= {suffix: stamp for suffix, stamp in files.items() if not is_audio(suffix)}
    return Decision(taken=taken, refused=refused)


def _is_refused(suffix: str, rows: Rows) -> bool:
    return suffix in rows and rows[suffix].state == "refused"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a file that could not be taken."""

    what: Literal["look", "room", "refuse"]
    """Look at it again; it waits for room; put it aside."""
    pause: float = 0.0
    """Seconds."""


def judge(error: Exception, tries: int, settle: float, chance: float) -> Verdict:
    """What to do after the `tries`th attempt (from 1) failed; `chance` (0 to 1) spreads them."""
    match error:
        case Changed():
            return Verdict("look", settle)
        case Full():
            return Verdict("room", wait(tries, chance))
        case NotAudio() if tries == 1:
            return Verdict("look", DOUBT * settle)
        case BadInput():
            return Verdict("refuse")
        case _:
            return Verdict("look", wait(tries, chance))
