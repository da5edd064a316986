"""Whether everything that came of a version was posted, each time as the same."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.messages import Completed, Failed
from tests.chaos.finding import Finding
from tests.chaos.history import History, Posted, StoredEvent, VersionId


class Outcome(NamedTuple):
    """What came of a version."""

    type: str
    recording: str
    version: int


def missing(events: Sequence[StoredEvent], posts: Sequence[Posted]) -> set[Outcome]:
    """What should have been posted, and was not taken by the receiver."""
    wanted = {
        Outcome(stored.type, *stored.id)
        for stored in events
        if isinstance(stored.event, Completed | Failed)
    }
    return wanted - {_outcome(each) for each in posts if each.taken}


def webhooks(history: History) -> Iterator[Finding]:
    """Each `completed` and `failed` was posted, signed, with its text, under one id of its own."""
    if history.receiver is None:
        return
    for outcome in sorted(missing(history.events, history.posts)):
        yield Finding("webhook", f"{outcome} was not posted")
    for each in history.posts:
        if not each.signed:
            yield Finding("webhook", f"{_outcome(each)} was not signed rightly")
        yield from _text(history, each)
    yield from _ids(history.posts)


def _ids(posts: Sequence[Posted]) -> Iterator[Finding]:
    ids: dict[Outcome, set[str]] = defaultdict(set)
    outcomes: dict[str, set[Outcome]] = defaultdict(set)
    for each in posts:
        ids[_outcome(each)].add(each.id)
        outcomes[each.id].add(_outcome(each))
    for outcome, found in ids.items():
        if len(found) > 1:
            yield Finding("webhook", f"{outcome} was posted under {len(found)} ids")
    for id, found in outcomes.items():
        if len(found) > 1:
            yield Finding("webhook", f"the id {id} stands for {sorted(found)}")


def _text(history: History, post: Posted) -> Iterator[Finding]:
    stored = history.versions.get(VersionId(post.recording, post.version))
    transcript = stored.transcript if stored else None
    if post.type == "completed" and (transcript is None or transcript.text != post.text):
        yield Finding("webhook", f"{_outcome(post)} was posted with another text")


def _outcome(post: Posted) -> Outcome:
    return Outcome(post.type, post.recording, post.version)
