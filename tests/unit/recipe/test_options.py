"""What callers ask of a Whisper model, asked of the bundled one through faster-whisper itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.transcriber.demo_model.recipe import unseen
from services.transcriber.demo_model.recipe.evaluate import error_rate
from services.transcriber.demo_model.recipe.unseen import Conversation
from services.transcriber.libraries import library
from services.transcriber.models import DEMO_FOLDER

WRONG = 0.04
"""Most wrong words, in voices and sentences that no training has."""
NEAR = 0.3
"""Seconds by which a word may seem to end after what was said. faster-whisper lets the first word
of a segment begin where the segment does, or twice a usual word's length before its end."""
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "none": {},
    "no time stamps": {"without_timestamps": True},
    "words": {"word_timestamps": True},
    "a prompt": {"initial_prompt": "engine three respond to chest pain at four one two oak street"},
    "hotwords": {"hotwords": "medic seven elm street"},
    "a search for speech": {"vad_filter": True},
    "one beam": {"beam_size": 1},
    "all": {
        "word_timestamps": True,
        "initial_prompt": "engine three on scene",
        "hotwords": "medic seven elm street",
        "vad_filter": True,
        "beam_size": 1,
    },
}


@pytest.fixture(scope="module")
def model() -> Any:
    return library("faster_whisper").WhisperModel(str(DEMO_FOLDER), "cpu", compute_type="int8")


@pytest.fixture(scope="module")
def talks() -> Sequence[Conversation]:
    """Two of a minute."""
    return [unseen.conversation(number, 60) for number in range(2)]


def said(segments: Sequence[Any]) -> str:
    """All that was said."""
    return " ".join(segment.text.strip() for segment in segments)


@pytest.mark.parametrize("name", OPTIONS)
def test_calls_are_heard_with(model: Any, name: str) -> None:
    calls = unseen.calls(40, 20)
    heard = [
        said(list(model.transcribe(c.samples, language="en", **OPTIONS[name])[0])) for c in calls
    ]
    assert error_rate([call.text for call in calls], heard) < WRONG


@pytest.mark.parametrize("name", OPTIONS)
def test_conversations_are_heard_in_batches_with(
    model: Any,
    talks: Sequence[Conversation],
    name: str,
) -> None:
    batched = library("faster_whisper").BatchedInferencePipeline(model)
    heard = [
        list(
            batched.transcribe(
                talk.samples, language="en", batch_size=4, **{**OPTIONS[name], "vad_filter": True}
            )[0]
        )
        for talk in talks
    ]
    assert error_rate([talk.text for talk in talks], [said(each) for each in heard]) < WRONG


@pytest.mark.parametrize("name", ["words", "all"])
def test_words_end_where_they_are_said(
    model: Any,
    talks: Sequence[Conversation],
    name: str,
) -> None:
    inside = count = 0
    for talk in talks:
        for segment in model.transcribe(talk.samples, language="en", **OPTIONS[name])[0]:
            assert segment.text == "".join(word.word for word in segment.words)
            count += len(segment.words)
            inside += sum(
                any(u.start < word.end < u.end + NEAR for u in talk.utterances)
                for word in segment.words
            )
    assert inside / count > 0.95
