"""Whether nothing is left that should not be: dead letters, objects, entries, connections."""

from collections import Counter
from collections.abc import Iterator

from shared import object_keys
from shared.messages import Failed, Refused
from shared.topology import CHANNELS, EVENTS, KEYS, SESSIONS, receiver_queue, topology
from tests.chaos.finding import Finding
from tests.chaos.history import DeadLetter, History, Leftovers, VersionId


def dead_letters(history: History) -> Iterator[Finding]:
    """What was planted is in DEAD and has failed or was refused, and nothing else."""
    letters = Counter(history.dead)
    wanted = Counter(history.planted)
    wanted.update(DeadLetter(code, id) for id, code in history.poisoned.items())
    for letter in (wanted - letters).elements():
        yield Finding("dead letter", f"{letter} is not in DEAD")
    for letter in (letters - wanted).elements():
        yield Finding("dead letter", f"{letter} is in DEAD")
    poisoned = Counter(history.poisoned.keys())
    failed = Counter(s.id.recording for s in history.events if isinstance(s.event, Failed))
    for recording in failed - poisoned:
        yield Finding("lost", f"{recording} has failed")
    for recording in poisoned - failed:
        yield Finding("dead letter", f"{recording} was poisoned and has no `failed`")
    refused = Counter(s.event.code for s in history.events if isinstance(s.event, Refused))
    if refused != Counter(x.code for x in history.planted if x.service == "ingest"):
        yield Finding("dead letter", f"refused were {dict(refused)}")


def objects(history: History) -> Iterator[Finding]:
    """Every object belongs to a recording that was accepted, and to a version that was made."""
    known = {asked.recording for asked in history.accepted}
    for key in sorted(history.objects):
        match key.split("/"):
            case ["recordings", recording, name] if recording in known:
                expected = name == "recording.json" or name.startswith("audio.")
            case ["recordings", recording, "versions", _, _] if recording in known:
                version = object_keys.version_of(key) or 0
                expected = VersionId(recording, version) in history.versions
            case _:
                expected = False
        if not expected:
            yield Finding("orphan", key)


def left_over(history: History) -> Iterator[Finding]:
    """See `too_much`."""
    return too_much(history.leftovers, history.receiver)


def too_much(found: Leftovers, receiver: str | None = None) -> Iterator[Finding]:
    """Nothing waits anywhere, and nobody is connected who should not be.

    `receiver`: id of the one whom webhooks are posted to.
    """
    yield from (Finding("left over", f"in the spool: {path}") for path in found.spool)
    yield from (Finding("left over", f"in the watched folder: {path}") for path in found.folder)
    for stream, count in found.messages.items():
        if count:
            yield Finding("left over", f"{count} messages in {stream}")
    known = [*topology().consumers, *([receiver_queue(receiver)] if receiver else [])]
    for stream, names in found.consumers.items():
        durable = sorted(consumer.name for consumer in known if consumer.stream == stream)
        followers = [name for name in names if name.startswith("follow-")]
        others = sorted(set(names) - set(followers))
        if others != durable:
            yield Finding("left over", f"{stream} has the consumers {others}")
        if len(followers) != FOLLOWERS.get(stream, 0):
            yield Finding("left over", f"{stream} has {len(followers)} followers")
    connected = Counter(name if name in SINGLE else "transcriber" for name in found.connections)
    if connected != WORKING:
        yield Finding("left over", f"NATS has the clients {sorted(found.connections)}")


FOLLOWERS = {EVENTS.name: 3, KEYS.name: 2, SESSIONS.name: 2, CHANNELS.name: 4}
"""How often each stream is followed: by ingest and by stream; EVENTS by ingest twice, for whoever
waits and for what is deleted; the channels by both transcribers too."""
SINGLE = ("ingest", "stream", "chaos")
"""Clients of NATS of which there is one each; transcribers have names of their own."""
WORKING = Counter({"ingest": 1, "stream": 1, "chaos": 1, "transcriber": 2})


def fence(history: History) -> Iterator[Finding]:
    """Whoever slept while its job became another's was kept from writing."""
    if history.traces.fenced < history.disturbances.pauses:
        yield Finding(
            "fence",
            f"{history.traces.fenced} publishes were fenced off,"
            f" with {history.disturbances.pauses} workers asleep",
        )


def polite_ends(history: History) -> Iterator[Finding]:
    """A service that is asked to end ends in time, and says that all is well."""
    for words in history.disturbances.impolite:
        yield Finding("impolite", words)
