"""Whether senders were told the truth, and recordings kept what was sent with them."""

from collections.abc import Iterator

from shared.messages import Completed, Metadata, Transcript
from tests.chaos.finding import Finding
from tests.chaos.history import Asked, History


def answers(history: History) -> Iterator[Finding]:
    """What senders were told is what the transcript says; every answer was as it must be."""
    yield from (Finding("answer", words) for words in history.wrong)
    found: dict[Asked, Transcript] = {
        Asked(id.recording, stored.words): stored.transcript
        for id, stored in history.versions.items()
        if stored.transcript is not None
    }
    for told in history.told:
        transcript = found.get(told.asked)
        if transcript is None:
            yield Finding(
                "answer", f"{told.door} told the text of {told.asked}, which is not there"
            )
        elif transcript.text != told.text:
            yield Finding("answer", f"{told.door} told another text of {told.asked} than is there")


def metadata(history: History) -> Iterator[Finding]:
    """A recording, and what is said of it, has the metadata of one of its senders."""
    for asked, sendings in history.sent.items():
        recording = history.recordings.get(asked.recording)
        if recording is None or asked.words:
            continue
        # Whoever asked for words may have been the first.
        others = history.sent.get(Asked(asked.recording, True), ())
        possible = [each.metadata for each in (*sendings, *others)]
        if not any(_holds(recording.metadata, each) for each in possible):
            yield Finding("metadata", f"{asked.recording} has the metadata {recording.metadata}")
    for stored in history.events:
        possible = [
            each.metadata
            for words in (False, True)
            for each in history.sent.get(Asked(stored.id.recording, words), ())
        ]
        event = stored.event
        if not isinstance(event, Completed) or not possible:
            continue
        if not any(_holds(event.metadata, each) for each in possible):
            yield Finding("metadata", f"{stored.id} is completed with {event.metadata}")


def _holds(metadata: Metadata, wanted: Metadata) -> bool:
    return all(metadata.get(name) == value for name, value in wanted.items())
