"""OpenAI's own client, sync and async, on the running stack with the bundled model."""

import asyncio
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import jiwer
import msgspec
import pytest
from openai import AsyncOpenAI, OpenAI

from deploy.local.samples import Sample, samples
from services.ingest.openai.asked import DEFAULT_MODEL
from shared.client import Accepted, Client
from shared.identity import recording_id
from shared.messages import Completed, Segment, Transcript
from tests.support.repository import ROOT
from tests.support.stack import RunningStack, events_of

pytestmark = pytest.mark.stack

CALL, TALK = (
    next(sample for sample in samples() if sample.file == f"{name}.ogg")
    for name in ("structure-fire", "conversation")
)
WORST = 0.15
"""Share of wrong words above which something has broken."""


@pytest.fixture
def speaker(stack: RunningStack) -> Iterator[OpenAI]:
    """The client that most programs use."""
    with OpenAI(base_url=f"{stack.addresses.ingest}/v1", api_key="any") as made:
        yield made


@pytest.fixture
async def async_speaker(stack: RunningStack) -> AsyncIterator[AsyncOpenAI]:
    """The other one."""
    async with AsyncOpenAI(base_url=f"{stack.addresses.ingest}/v1", api_key="any") as made:
        yield made


def well_heard(sample: Sample, text: str) -> bool:
    """Whether a text is what a sample says, but for some words."""
    return jiwer.wer(sample.text, text) < WORST


def milliseconds(stamp: str) -> int:
    """The time of a cue."""
    hours, minutes, seconds = stamp.replace(",", ".").split(":")
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def test_every_format(speaker: OpenAI) -> None:
    create = speaker.audio.transcriptions.create
    plain = create(file=CALL.path, model=DEFAULT_MODEL)
    assert well_heard(CALL, plain.text)
    text = create(file=CALL.path, model=DEFAULT_MODEL, response_format="text")
    assert text == f"{plain.text}\n"
    srt = create(file=CALL.path, model=DEFAULT_MODEL, response_format="srt")
    vtt = create(file=CALL.path, model=DEFAULT_MODEL, response_format="vtt")
    verbose = create(file=CALL.path, model=DEFAULT_MODEL, response_format="verbose_json")
    assert (verbose.text, verbose.language) == (plain.text, "english")
    assert verbose.duration == pytest.approx(CALL.duration, abs=0.1)
    assert verbose.words is None
    assert verbose.segments
    assert [segment.id for segment in verbose.segments] == list(range(len(verbose.segments)))
    assert " ".join(segment.text for segment in verbose.segments) == plain.text
    for segment in verbose.segments:
        assert 0 <= segment.start < segment.end <= verbose.duration
        assert segment.seek == round(segment.start * 100)
        assert segment.avg_logprob <= 0
        assert 0 <= segment.no_speech_prob <= 1
        assert segment.compression_ratio > 0
        assert (segment.temperature, segment.tokens) == (0.0, [])
    number, times, said = srt.splitlines()[:3]
    first = verbose.segments[0]
    assert (number, said) == ("1", first.text)
    assert list(map(milliseconds, times.split(" --> "))) == [
        round(first.start * 1000),
        round(first.end * 1000),
    ]
    assert vtt.splitlines()[:4] == ["WEBVTT", "", times.replace(",", "."), said]


def test_words_have_times(speaker: OpenAI) -> None:
    both = speaker.audio.transcriptions.create(
        file=CALL.path,
        model="demo",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        temperature=0,
    )
    assert both.words
    assert both.segments
    assert " ".join(word.word for word in both.words) == both.text
    for word, after in zip(both.words, both.words[1:], strict=False):
        assert 0 <= word.start <= word.end <= after.end <= both.duration


async def test_the_async_client_gets_the_same(async_speaker: AsyncOpenAI) -> None:
    create = async_speaker.audio.transcriptions.create
    plain, verbose = await asyncio.gather(
        create(file=CALL.path, model=DEFAULT_MODEL),
        create(file=CALL.path, model=DEFAULT_MODEL, response_format="verbose_json"),
    )
    assert plain.text == verbose.text
    assert well_heard(CALL, plain.text)


def test_a_translation_of_english_is_english(speaker: OpenAI) -> None:
    plain = speaker.audio.transcriptions.create(file=CALL.path, model=DEFAULT_MODEL)
    with pytest.warns(DeprecationWarning, match="deprecated"):  # of theirs, not of ours
        english = speaker.audio.translations.create(  # pyright: ignore[reportDeprecated] - as above
            file=CALL.path, model=DEFAULT_MODEL, response_format="verbose_json"
        )
    assert (english.text, english.language) == (plain.text, "english")
    assert english.duration == pytest.approx(CALL.duration, abs=0.1)


def test_the_models(speaker: OpenAI) -> None:
    assert [model.id for model in speaker.models.list()] == [DEFAULT_MODEL, "demo"]
    assert speaker.models.retrieve("demo").id == "demo"


async def test_words_arrive_before_the_last_are_recognised(
    stack: RunningStack, async_speaker: AsyncOpenAI, client: Client
) -> None:
    source = f"openai-{uuid4().hex}"
    stream = await async_speaker.audio.transcriptions.create(
        file=TALK.path, model=DEFAULT_MODEL, stream=True, extra_body={"source": source}
    )
    arrivals: list[datetime] = []
    text, done = "", ""
    async for event in stream:
        assert not done
        if event.type == "transcript.text.delta":
            arrivals.append(datetime.now(UTC))
            text += event.delta
        elif event.type == "transcript.text.done":
            done = event.text
    assert done == text
    assert well_heard(TALK, done)
    sha256 = hashlib.sha256(TALK.path.read_bytes()).hexdigest()
    id = recording_id(source, "default", None, sha256)
    address = f"{stack.addresses.stream}/v1/recordings/{id}"
    told = Accepted(id=id, version=1, status="known", events="", transcript=address)
    events = await events_of(client, told)
    segments = [event for event in events if isinstance(event, Segment)]
    assert len(arrivals) == len(segments)
    # A segment's time is that of its chunk's decoding: when the first words arrived here, most
    # chunks were still to be decoded.
    chunks = {segment.chunk: segment.time for segment in segments}
    later = [time for time in chunks.values() if time > arrivals[0]]
    assert len(later) > len(chunks) / 2
    assert isinstance(events[-1], Completed)
    assert arrivals[0] < segments[-1].time < events[-1].time


def test_curl_does_too(stack: RunningStack) -> None:
    command = ["curl", "-sS", f"{stack.addresses.ingest}/v1/audio/transcriptions"]
    fields = [f"file=@{CALL.path}", f"model={DEFAULT_MODEL}", "response_format=text"]
    said = subprocess.run(
        [*command, *(part for field in fields for part in ("-F", field))],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    assert well_heard(CALL, said.strip())


def test_an_upload_may_wait_for_its_words(stack: RunningStack) -> None:
    url = f"{stack.addresses.ingest}/v1/recordings?wait=60&source=openai-{uuid4().hex}"
    command = [
        "curl",
        "-sS",
        "-H",
        "Content-Type: audio/ogg",
        "--data-binary",
        f"@{CALL.path}",
        url,
    ]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=90)
    transcript = msgspec.json.decode(answer.stdout, type=Transcript)
    assert well_heard(CALL, transcript.text)


def test_the_readmes_examples_run_as_they_stand(stack: RunningStack, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("\n### OpenAI's API\n")[2].partition("\n### ")[0]
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["python", "sh"]
    shutil.copy(CALL.path, tmp_path / "call.wav")
    [python, shell] = (
        subprocess.run(
            [*command, text.replace("http://localhost:3001", stack.addresses.ingest)],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for command, (_, text) in zip(([sys.executable, "-c"], ["sh", "-c"]), blocks, strict=True)
    )
    assert well_heard(CALL, python)
    assert shell.startswith("1\n00:00:00,")
