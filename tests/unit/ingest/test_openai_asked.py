"""What OpenAI's clients may ask for, and how they are answered."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from services.ingest.openai import answers
from services.ingest.openai.asked import FORMATS, PARAMETERS, Asked, Given, Task, parameter, read
from services.ingest.openai.door_docs import PROPERTIES
from services.ingest.openai.languages import NAMES, name_of
from services.ingest.submission import FIELDS
from shared.errors import BadInput
from shared.messages import Options, Transcript, TranscriptSegment, Word

MODEL: Given = {"model": ["whisper-1"]}


def asked(**fields: str | Sequence[str]) -> Asked:
    return asked_of("transcribe", fields)


def asked_of(task: Task, fields: Mapping[str, str | Sequence[str]]) -> Asked:
    given = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    return read({**MODEL, **given}, task, "call.wav")


def test_a_plain_request() -> None:
    found = asked()
    assert found.form == "json"
    assert (found.words, found.segments, found.stream) == (False, False, False)
    assert found.said.options == Options()
    assert (found.said.source, found.said.channel) == ("upload", "default")
    assert found.said.filename == "call.wav"


def test_what_is_asked_for_is_handed_on() -> None:
    found = asked_of(
        "translate",
        {
            "model": "large-v3",
            "language": "DE",
            "prompt": "Medic 7",
            "hotwords": "Birch",
            "keywords": ["Oak Street", "Elm"],
            "response_format": "verbose_json",
            "timestamp_granularities": ["word", "segment"],
            "temperature": "0.0",
            "chunking_strategy": "auto",
            "source": "county",
            "channel": "fire",
            "lane": "urgent",
            "metadata": '{"incident": 42}',
            "start": "2026-03-01T12:00:00Z",
            "correlation_id": "c-1",
        },
    )
    assert found.said.options == Options(
        model="large-v3",
        language="de",
        task="translate",
        prompt="Medic 7",
        hotwords="Birch, Oak Street, Elm",
        words=True,
    )
    assert (found.words, found.segments) == (True, True)
    said = found.said
    assert (said.source, said.channel, said.lane) == ("county", "fire", "urgent")
    assert (said.metadata, said.correlation_id) == ({"incident": 42}, "c-1")


def test_what_is_empty_counts_as_absent() -> None:
    empty = {name: "" for name in PARAMETERS if name != "model"}
    assert asked(**empty) == asked()


@pytest.mark.parametrize("value", ["true", "True", "1"])
def test_a_stream_is_asked_for(value: str) -> None:
    assert asked(stream=value).stream
    assert asked(stream=value, response_format="text").stream


@pytest.mark.parametrize(
    ("granularities", "words", "segments"),
    [([], False, True), (["segment"], False, True), (["word"], True, False)],
)
def test_granularities_say_what_is_listed(
    granularities: list[str], words: bool, segments: bool
) -> None:
    found = asked(response_format="verbose_json", timestamp_granularities=granularities)
    assert (found.words, found.segments) == (words, segments)
    assert found.said.options.words == words


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": "a b"}, "model"),
        ({"temperature": "0.2"}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"include": ["logprobs"]}, "include"),
        ({"known_speaker_names": ["a"]}, "known_speaker_names"),
        ({"known_speaker_references": ["data:"]}, "known_speaker_references"),
        ({"chunking_strategy": "server_vad"}, "chunking_strategy"),
        ({"chunking_strategy": ["server_vad", "0.5"]}, "chunking_strategy"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"response_format": "JSON"}, "response_format"),
        ({"response_format": "srt", "stream": "true"}, "response_format"),
        ({"response_format": "verbose_json", "stream": "true"}, "response_format"),
        (
            {"response_format": "verbose_json", "timestamp_granularities": ["letter"]},
            "timestamp_granularities",
        ),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"stream": "yes"}, "stream"),
        ({"language": "english"}, "language"),
        ({"languages": ["en", "de"]}, "languages"),
        ({"language": "en", "languages": ["de"]}, "languages"),
        ({"prompt": "x" * 1001}, "prompt"),
        ({"hotwords": "x" * 600, "keywords": ["y" * 600]}, "hotwords"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"lane": "soon"}, "lane"),
    ],
)
def test_what_cannot_be_honored_is_refused_by_name(
    fields: dict[str, str | list[str]], param: str
) -> None:
    with pytest.raises(BadInput) as refused:
        asked(**fields)
    assert refused.value.field == param


def test_one_language_may_be_named_either_way() -> None:
    assert asked(languages=["de"]).said.options.language == "de"
    assert asked(languages=["de"], language="DE").said.options.language == "de"


def test_a_strange_file_name_is_no_reason_to_refuse() -> None:
    assert read(MODEL, "transcribe", "a\x00b" * 100).said.filename is None
    assert read(MODEL, "transcribe", "C:\\calls\\a.wav").said.filename == "a.wav"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("file", "file"),
        ("timestamp_granularities[]", "timestamp_granularities"),
        ("timestamp_granularities", "timestamp_granularities"),
        ("chunking_strategy[type]", "chunking_strategy"),
        ("include[0]", "include"),
    ],
)
def test_brackets_are_no_part_of_a_parameters_name(name: str, wanted: str) -> None:
    assert parameter(name) == wanted


@pytest.mark.parametrize("name", ["", "[]", "words", "task", "user", "stream_options[x]"])
def test_an_unknown_parameter_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        parameter(name)
    assert refused.value.field == name.partition("[")[0]
    assert refused.value.code == "unknown_parameter"


def test_every_parameter_is_described() -> None:
    names = {name.removesuffix("[]") for name in PROPERTIES}
    refused = {"include", "known_speaker_names", "known_speaker_references"}
    also = {"languages"}
    assert names == {"file", *PARAMETERS} - refused - also
    assert set(PARAMETERS) & set(FIELDS) <= names


# --- answers ---

WORDS = [Word(0.5, 1.0, "Engine", 0.9), Word(1.0, 1.5, "7", 0.8)]
TWO = Transcript(
    recording="0" * 32,
    version=1,
    source="upload",
    channel="default",
    duration=9.5,
    language="en",
    model="demo",
    created=datetime(2026, 3, 1, tzinfo=UTC),
    text="Engine 7 copy that",
    segments=[
        TranscriptSegment(
            index=0, start=0.5, end=1.5, text="Engine 7", confidence=0.5, words=WORDS, no_speech=0.1
        ),
        TranscriptSegment(index=1, start=2.0, end=3.0, text="copy that", confidence=0.0),
    ],
)
SILENCE = msgspec.structs.replace(TWO, text="", segments=[], language=None)


def test_each_format_has_its_own_body() -> None:
    found = {form: answers.body(asked(response_format=form), TWO) for form in FORMATS}
    assert found["json"][0] == b'{"text":"Engine 7 copy that"}'
    assert found["text"][0] == b"Engine 7 copy that\n"
    assert found["srt"][0].startswith(b"1\n00:00:00,500 --> 00:00:01,500\nEngine 7\n\n2\n")
    assert found["vtt"][0].startswith(b"WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nEngine 7\n")
    assert found["verbose_json"][0].startswith(b'{"task":"transcribe","language":"english",')
    assert {form: kind.partition(";")[0] for form, (_, kind) in found.items()} == {
        "json": "application/json",
        "text": "text/plain",
        "srt": "application/x-subrip",
        "verbose_json": "application/json",
        "vtt": "text/vtt",
    }


def test_what_is_told_of_a_segment_follows_from_what_is_kept() -> None:
    found = answers.verbose(asked(response_format="verbose_json"), TWO)
    assert found.words is msgspec.UNSET
    assert isinstance(found.segments, list)
    [first, second] = found.segments
    assert (first.id, first.seek, first.start, first.end) == (0, 50, 0.5, 1.5)
    assert (first.tokens, first.temperature) == ([], 0.0)
    assert first.avg_logprob == pytest.approx(math.log(0.5))
    assert first.no_speech_prob == 0.1
    assert 0.3 < first.compression_ratio < 1.0
    # Of older releases' transcripts it is not known, and a confidence of 0 has no logarithm.
    assert second.no_speech_prob is None
    assert -1000 < second.avg_logprob < -100
    assert b'"no_speech_prob":null' in msgspec.json.encode(found)


def test_words_are_listed_if_asked_for() -> None:
    wish = asked(response_format="verbose_json", timestamp_granularities=["word"])
    found = msgspec.to_builtins(answers.verbose(wish, TWO))
    assert "segments" not in found
    assert found["words"] == [
        {"word": "Engine", "start": 0.5, "end": 1.0},
        {"word": "7", "start": 1.0, "end": 1.5},
    ]


def test_a_translation_is_english_whatever_was_spoken() -> None:
    german = msgspec.structs.replace(TWO, language="de")
    assert answers.verbose(asked_of("translate", {}), german).language == "english"
    assert answers.verbose(asked(), german).language == "german"
    assert answers.verbose(asked(), SILENCE).language == "unknown"


def test_the_deltas_together_are_the_text() -> None:
    assert "".join(answers.delta(segment).delta for segment in TWO.segments) == TWO.text


def test_every_language_of_whispers_has_a_name() -> None:
    assert len(NAMES) == len(set(NAMES.values())) == 100
    assert name_of("xx") == "xx"
