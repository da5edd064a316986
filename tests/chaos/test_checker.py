"""The checker finds what is wrong: histories with one thing planted in each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.transcriber.attempt import Common
from shared.channels import ChannelRecord
from shared.messages import (
    Completed,
    Event,
    Failed,
    Options,
    Queued,
    Recording,
    Refused,
    Segment,
    Started,
    Transcript,
    TranscriptSegment,
)
from shared.topology import receiver_queue
from tests.chaos.bounds import OF_ALL, OF_ONE
from tests.chaos.checker import check
from tests.chaos.history import (
    Asked,
    Client,
    DeadLetter,
    Disturbances,
    Filter,
    History,
    Leftovers,
    Posted,
    Said,
    Seen,
    Sending,
    StoredEvent,
    StoredVersion,
    Told,
    Traces,
    Undisturbed,
    VersionId,
)
from tests.support.calls import PLAN

GOOD, BAD = "a" * 32, "b" * 32
ID = VersionId(GOOD, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def segment(index: int) -> Segment:
    """Each is a chunk of its own."""
    return Segment(
        **_common(GOOD),
        index=index,
        chunk=index,
        start=index,
        end=index + 0.5,
        text="copy",
        confidence=0.9,
    )


def _common(recording: str) -> Common:
    return {
        "recording": recording,
        "version": 1,
        "source": "s",
        "channel": "c",
        "time": NOW,
        "metadata": {"unit": 7, "talkgroup_label": "New"},
        "correlation_id": None,
    }


QUEUED = Queued(**_common(GOOD), lane="live", duration=2.0, options=Options())
STARTED = Started(**_common(GOOD), worker="w", attempt=1, plan=PLAN)
COMPLETED = Completed(
    **_common(GOOD),
    transcript=f"recordings/{GOOD}/versions/1/transcript.json",
    segments=2,
    duration=2.0,
    language="en",
    model="demo",
    processing=0.1,
)
RECEIVER = "0123cafe"
SENDING = Sending("raw body", NOW, {"unit": 7})
POSTS = [
    Posted("one", "completed", GOOD, 1, "copy copy", taken=True, signed=True),
    Posted("two", "failed", BAD, 1, None, taken=True, signed=True),
]
OLDER, SAID = (
    Said(
        NOW - timedelta(seconds=ago),
        NOW - timedelta(seconds=ago - 1),
        ChannelRecord(source="s", channel="c", label=label),
    )
    for ago, label in ((9, "Old"), (5, "New"))
)


def replace_record(**changes: str) -> ChannelRecord:
    """What was said last of the channel, and more."""
    return msgspec.structs.replace(SAID.record, **changes)


def recording(**metadata: object) -> Recording:
    """The good one, as the store holds it."""
    return Recording(
        id=GOOD,
        source="s",
        channel="c",
        sha256="0" * 64,
        size=1,
        audio=f"recordings/{GOOD}/audio.wav",
        container="wav",
        codec="pcm_s16le",
        duration=2.0,
        received=NOW,
        metadata={"unit": 7, "talkgroup_label": "New", **metadata},
    )


PLANTED = [DeadLetter("bad-message", None), DeadLetter("bad-input", None, "ingest")]
POISONED: list[Event | Refused] = [
    Queued(**_common(BAD), lane="live", duration=2.0, options=Options()),
    Failed(**_common(BAD), code="object-missing", reason="gone"),
    Refused(
        submission="e" * 32,
        sequence=1,
        source="s",
        channel="c",
        time=NOW,
        code="bad-input",
        reason="no",
    ),
]
EVENTS: list[Event | Refused] = [QUEUED, STARTED, segment(0), segment(1), COMPLETED, *POISONED]


def numbered(events: Sequence[Event | Refused]) -> list[StoredEvent]:
    """As the stream holds them."""
    return [StoredEvent(n, event) for n, event in enumerate(events, start=1)]


def seen(events: Sequence[StoredEvent]) -> list[Seen]:
    """As a client is sent them."""
    return [
        Seen(
            "e",
            stored.sequence,
            stored.type,
            *stored.id,
            stored.event.index if isinstance(stored.event, Segment) else None,
        )
        for stored in events
    ]


def transcript(*texts: str) -> Transcript:
    """Of the good recording."""
    segments = [
        TranscriptSegment(index=n, start=n, end=n + 0.5, text=text, confidence=0.9)
        for n, text in enumerate(texts)
    ]
    return Transcript(
        recording=GOOD,
        version=1,
        source="s",
        channel="c",
        duration=2.0,
        language="en",
        model="demo",
        created=NOW,
        text=" ".join(texts),
        segments=segments,
    )


def history(events: Sequence[Event | Refused] = EVENTS) -> History:
    """A run in which nothing is wrong, if these are its events."""
    stored = numbered(events)
    whole = transcript("copy", "copy")
    return History(
        accepted=frozenset({Asked(GOOD, False), Asked(BAD, False)}),
        not_accepted=[],
        poisoned={BAD: "object-missing"},
        planted=PLANTED,
        epoch="e",
        events=stored,
        dead=[DeadLetter("object-missing", BAD), *PLANTED],
        clients=[
            Client("everything", Filter(), seen(stored)),
            Client("other", Filter(recordings=frozenset({"c" * 32}))),
        ],
        objects=frozenset(
            f"recordings/{GOOD}/{name}"
            for name in (
                "audio.wav",
                "recording.json",
                "versions/1/request.json",
                "versions/1/transcript.json",
            )
        ),
        versions={ID: StoredVersion(False, whole), VersionId(BAD, 1): StoredVersion(False, None)},
        undisturbed={
            Asked(GOOD, False): Undisturbed(whole.segments, whole.text, "en", whole.duration)
        },
        traces=Traces({(GOOD, 1, 0): 1, (GOOD, 1, 1): 1}, fenced=0),
        leftovers=CLEAN,
        disturbances=Disturbances(),
        told=[Told(Asked(GOOD, False), whole.text, "OpenAI")],
        sent={Asked(GOOD, False): [SENDING]},
        recordings={GOOD: recording()},
        said=[OLDER, SAID],
        channels=[SAID.record],
        posts=POSTS,
        receiver=RECEIVER,
    )


FOLLOWED = ["webhooks", "follow-1", "follow-2", "follow-5"]
CLEAN = Leftovers(
    consumers={
        "JOBS": ["transcriber-urgent", "transcriber-live", "transcriber-backfill"],
        "SUBMIT": ["ingest"],
        "WEBHOOKS": [receiver_queue(RECEIVER).name],
        "EVENTS": FOLLOWED,
        "KV_echobase-keys": ["follow-3", "follow-4"],
        "DEAD": [],
    },
    connections=["ingest", "stream", "chaos", "host-1", "host-2"],
)


def kinds(found: History) -> set[str]:
    """Of everything that is wrong with it."""
    return {finding.kind for finding in check(found)}


def test_a_good_run_is_good() -> None:
    assert check(history()) == []


def test_a_resumed_version_is_good() -> None:
    events = [QUEUED, STARTED, segment(0), QUEUED, STARTED, segment(1), COMPLETED, *POISONED]
    found = history(events)
    traces = Traces({(GOOD, 1, 0): 1, (GOOD, 1, 1): 2})
    found = replace(found, traces=traces, disturbances=Disturbances(interrupted=1))
    assert check(found) == []


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([QUEUED, STARTED, segment(0), segment(1), *POISONED], "lost"),
        ([QUEUED, STARTED, segment(0), COMPLETED, *POISONED], "transcript"),
        ([QUEUED, STARTED, segment(1), COMPLETED, *POISONED], "lost"),
        ([QUEUED, STARTED, segment(0), segment(0), segment(1), COMPLETED, *POISONED], "doubled"),
        ([QUEUED, STARTED, segment(1), segment(0), COMPLETED, *POISONED], "disordered"),
        ([*EVENTS, segment(2)], "disordered"),
        ([*EVENTS, COMPLETED], "doubled"),
        ([STARTED, *EVENTS], "disordered"),
        (EVENTS[:-1], "dead letter"),
        (
            [*EVENTS, Failed(**_common(GOOD), code="too-many-attempts", reason="five")],
            "lost",
        ),
        (
            [
                QUEUED,
                STARTED,
                msgspec.structs.replace(STARTED, plan=msgspec.structs.replace(PLAN, beam_size=5)),
                *EVENTS[2:],
            ],
            "transcript",
        ),
    ],
)
def test_wrong_events_are_found(events: list[Event | Refused], kind: str) -> None:
    assert kind in kinds(history(events))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"accepted": frozenset({Asked(GOOD, True)})}, "lost"),
        ({"accepted": frozenset({Asked(BAD, False)})}, "doubled"),
        ({"not_accepted": ["0001.wav was refused with 400"]}, "refused"),
        ({"poisoned": {}}, "lost"),
        ({"dead": []}, "dead letter"),
        ({"dead": [*history().dead, DeadLetter("store-refused", GOOD)]}, "dead letter"),
        ({"planted": [*PLANTED, PLANTED[0]]}, "dead letter"),
        ({"planted": PLANTED[:1]}, "dead letter"),
        ({"objects": frozenset({"inbox/left.wav"})}, "orphan"),
        ({"objects": frozenset({f"recordings/{'c' * 32}/audio.wav"})}, "orphan"),
        ({"objects": frozenset({f"recordings/{GOOD}/versions/2/transcript.json"})}, "orphan"),
        ({"objects": frozenset({f"recordings/{GOOD}/audio.wav.part/x"})}, "orphan"),
        ({"versions": {**history().versions, VersionId(GOOD, 2): StoredVersion(False, None)}},
         "doubled"),
        ({"versions": {**history().versions, ID: StoredVersion(False, None)}}, "lost"),
        ({"versions": {**history().versions, ID: StoredVersion(False, transcript("copy"))}},
         "transcript"),
        ({"undisturbed": {Asked(GOOD, False): Undisturbed([], "", "en", 2.0)}}, "transcript"),
        ({"traces": Traces({(GOOD, 1, 0): 2})}, "decoded again"),
        ({"disturbances": Disturbances(pauses=1)}, "fence"),
        ({"disturbances": Disturbances(impolite=["stream ended with 1"])}, "impolite"),
        ({"leftovers": replace(CLEAN, spool=["entries/x/audio"])}, "left over"),
        ({"leftovers": replace(CLEAN, messages={"JOBS": 1})}, "left over"),
        ({"leftovers": replace(CLEAN, consumers={"JOBS": []})}, "left over"),
        ({"leftovers": replace(CLEAN, consumers={"EVENTS": FOLLOWED[:-1]})}, "left over"),
        ({"leftovers": replace(CLEAN, consumers={"EVENTS": [*FOLLOWED, "follow-6"]})},
         "left over"),
        ({"leftovers": replace(CLEAN, consumers={"DEAD": ["follow-1"]})}, "left over"),
        ({"leftovers": replace(CLEAN, connections=["ingest", "stream", "chaos"])}, "left over"),
        ({"leftovers": replace(CLEAN, connections=[*CLEAN.connections, "stream"])}, "left over"),
        ({"leftovers": replace(CLEAN, folder=["11/a.wav"])}, "left over"),
        ({"receiver": "cafe0123"}, "left over"),
        ({"wrong": ["OpenAI answered 503 without Retry-After"]}, "answer"),
        ({"told": [Told(Asked(GOOD, False), "copy that", "OpenAI")]}, "answer"),
        ({"told": [Told(Asked(GOOD, True), "copy copy", "OpenAI")]}, "answer"),
        ({"sent": {Asked(GOOD, False): [SENDING._replace(metadata={"unit": 8})]}}, "metadata"),
        ({"recordings": {GOOD: recording(unit=8)}}, "metadata"),
        ({"recordings": {GOOD: recording(talkgroup_label="Old")}}, "channel"),
        ({"recordings": {GOOD: recording(talkgroup_label=None)}}, "channel"),
        ({"said": [SAID._replace(record=replace_record(lane="urgent"))]}, "channel"),
        ({"said": [SAID._replace(record=replace_record(prompt="Medic 2."))]}, "channel"),
        ({"channels": []}, "channel"),
        ({"posts": POSTS[1:]}, "webhook"),
        ({"posts": [POSTS[0]._replace(taken=False), *POSTS[1:]]}, "webhook"),
        ({"posts": [POSTS[0]._replace(signed=False), *POSTS[1:]]}, "webhook"),
        ({"posts": [POSTS[0]._replace(text="copy that"), *POSTS[1:]]}, "webhook"),
        ({"posts": [*POSTS, POSTS[0]._replace(id="other")]}, "webhook"),
        ({"posts": [POSTS[0], POSTS[1]._replace(id=POSTS[0].id)]}, "webhook"),
    ],
)  # fmt: skip
def test_wrong_ends_are_found(change: dict[str, object], kind: str) -> None:
    assert kind in kinds(replace(history(), **change))


def client(items: Sequence[Seen], gaps: Sequence[str] = ()) -> Client:
    """One that should have seen everything."""
    return Client("everything", Filter(), list(items), list(gaps))


SEEN = seen(numbered(EVENTS))


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (client(SEEN[:-1]), "lost"),
        (client([*SEEN[:2], *SEEN[1:]]), "doubled"),
        (client([SEEN[1], SEEN[0], *SEEN[2:]]), "disordered"),
        (client(SEEN, ["aged-out"]), "gap"),
        (client([*SEEN, SEEN[0]._replace(sequence=9)]), "client"),
        (client([SEEN[0]._replace(epoch="f"), *SEEN[1:]]), "client"),
    ],
)
def test_what_a_client_saw_wrongly_is_found(bad: Client, kind: str) -> None:
    assert kind in kinds(replace(history(), clients=[bad]))


def test_more_decoded_again_than_was_interrupted_is_found() -> None:
    events = [QUEUED, STARTED, STARTED, *EVENTS[2:]]
    found = replace(history(events), traces=Traces({(GOOD, 1, 0): 2, (GOOD, 1, 1): 1}))
    assert kinds(found) == {"decoded again"}
    many = replace(history(events), traces=Traces({(GOOD, 1, 0): OF_ONE + 2}))
    assert kinds(replace(many, disturbances=Disturbances(interrupted=1))) == {"decoded again"}
    often = history([QUEUED, *[STARTED] * OF_ALL, *EVENTS[2:]])
    often = replace(often, traces=Traces({(GOOD, 1, 0): OF_ALL + 2}))
    assert kinds(replace(often, disturbances=Disturbances(interrupted=1))) == {"decoded again"}
    assert check(replace(often, disturbances=Disturbances(interrupted=2))) == []
    assert check(replace(found, disturbances=Disturbances(interrupted=1))) == []
