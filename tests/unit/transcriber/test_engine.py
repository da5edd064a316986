"""The engine on the bundled model, against faster-whisper's own `transcribe`."""

import math
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jiwer
import msgspec
import numpy as np
import pytest

from services.transcriber import guards
from services.transcriber.audio import Audio, Samples, decode
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE, Span, plan_chunks
from services.transcriber.decoding import whole_words, window_frames
from services.transcriber.direct import decode_alone, decode_together
from services.transcriber.engine import WhisperEngine
from services.transcriber.engines import load_own
from services.transcriber.guards import accepted, best, searches, silent
from services.transcriber.models import DEMO_FOLDER
from services.transcriber.plan import make_plan
from services.transcriber.speech import find_speech
from services.transcriber.whisper import Generated, Search, TimedWord
from shared.errors import ModelUnavailable, NotSupported
from shared.guards import Guards
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings
from tests.support.transcribing import SAMPLES, sample_texts

SETTINGS = TranscriberSettings(
    whisper_model_name="demo", whisper_device="cpu", whisper_compute_type="int8"
)
CALLS = [name for name in sample_texts() if "conversation" not in name]


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    loaded = load_own(SETTINGS)[0]
    assert isinstance(loaded, WhisperEngine)
    return loaded


def plan_for(engine: WhisperEngine, **changes: object) -> Plan:
    plan = make_plan(Options(), SETTINGS, "demo", engine.model.traits)
    return msgspec.structs.replace(plan, **changes)


def samples_of(name: str, folder: Path) -> Audio:
    return decode(SAMPLES / name, folder / f"{name}.pcm")


def whole(audio: Audio) -> Samples:
    return audio.read(Span(0, audio.total))


def decode_one(
    engine: WhisperEngine, samples: Samples, plan: Plan, start: float = 0
) -> list[Spoken]:
    return decode_alone(engine, Chunk(samples, start, plan, "en"))


@pytest.fixture
def one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second search: faster-whisper's own would draw at random."""

    def first(beam_size: int) -> tuple[Search, ...]:
        return (Search(beam_size),)

    monkeypatch.setattr(guards, "searches", first)


@lru_cache
def faster_whisper() -> Any:
    """faster-whisper alone, with the bundled model."""
    library: Any = import_module("faster_whisper")
    return library.WhisperModel(str(DEMO_FOLDER), device="cpu", compute_type="int8")


def transcribe(samples: Samples, **options: object) -> Iterable[Any]:
    """faster-whisper's own loop."""
    return faster_whisper().transcribe(
        samples, language="en", condition_on_previous_text=False, temperature=0.0, **options
    )[0]


@pytest.mark.usefixtures("one_search")
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("beam_size", [1, 5])
def test_a_whole_window_equals_faster_whisper(
    engine: WhisperEngine, tmp_path: Path, name: str, beam_size: int
) -> None:
    samples = whole(samples_of(name, tmp_path))
    plan = plan_for(
        engine,
        window_margin=None,
        beam_size=beam_size,
        options=Options(words=True, hotwords="10-4"),
    )
    ours = decode_one(engine, samples, plan)
    theirs = list(transcribe(samples, beam_size=beam_size, word_timestamps=True, hotwords="10-4"))
    assert [s.text for s in ours] == [s.text.strip() for s in theirs]
    longest = len(samples) / RATE
    for a, b in zip(ours, theirs, strict=True):
        assert (a.start, a.end) == pytest.approx((b.start, min(b.end, longest)), abs=1e-3)
        words = whole_words(
            [TimedWord(w.start, w.end, w.word, w.probability) for w in b.words], "en"
        )
        assert [w.text for w in a.words] == [w.text.strip() for w in words]
        assert [w.start for w in a.words] == pytest.approx([w.start for w in words], abs=1e-3)
        assert a.confidence == pytest.approx(min(1.0, np.exp(b.avg_logprob)))
        assert a.no_speech == pytest.approx(b.no_speech_prob, abs=1e-6)


@pytest.mark.usefixtures("one_search")
@pytest.mark.parametrize("prompt", [None, "engine three on scene"])
def test_thirty_seconds_in_one_window_equal_faster_whisper(
    engine: WhisperEngine, tmp_path: Path, prompt: str | None
) -> None:
    audio = samples_of("conversation.ogg", tmp_path)
    samples = audio.read(Span(0, 30 * RATE))
    plan = plan_for(engine, window_margin=None, options=Options(prompt=prompt))
    generated = transcribe(samples, beam_size=1, initial_prompt=prompt)
    # An initial prompt is for each window here, but for the first alone there.
    count = 1 if prompt else None
    theirs = [s.text.strip() for s in generated][:count]
    assert [s.text for s in decode_one(engine, samples, plan)][:count] == theirs


def test_words_are_recognised_in_short_windows(engine: WhisperEngine, tmp_path: Path) -> None:
    plan = plan_for(engine)
    heard: list[str] = []
    for name in sample_texts():
        audio = samples_of(name, tmp_path)
        chunks = plan_chunks(find_speech(audio, plan), audio.total, plan)
        spoken = [
            piece.text
            for c in chunks
            for piece in decode_one(engine, audio.read(c), plan, c.start / RATE)
        ]
        heard.append(" ".join(spoken))
    assert jiwer.wer(list(sample_texts().values()), heard) < 0.08


def test_a_chunk_gives_the_same_in_any_company(engine: WhisperEngine, tmp_path: Path) -> None:
    plan = plan_for(engine)
    chunks = [
        Chunk(whole(samples_of(n, tmp_path)), float(i), plan, "en") for i, n in enumerate(CALLS)
    ]
    alone = [decode_alone(engine, chunk) for chunk in chunks]
    assert decode_together(engine, chunks) == alone
    assert decode_together(engine, chunks[::-1]) == alone[::-1]


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.5, 30.0])
def test_noise_of_any_length_is_decoded_twice_alike(engine: WhisperEngine, seconds: float) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    plan = plan_for(engine)
    first = decode_one(engine, noise, plan, start=100)
    assert decode_one(engine, noise, plan, start=100) == first
    for spoken in first:
        assert 100 <= spoken.start <= spoken.end <= 100 + seconds + 1e-3
        assert 0 <= spoken.confidence <= 1


def test_silence_says_nothing_wrong(engine: WhisperEngine) -> None:
    spoken = decode_one(engine, np.zeros(RATE, np.float32), plan_for(engine))
    assert all(s.end <= 1.001 for s in spoken)


def test_a_language_that_the_model_does_not_know_is_refused(engine: WhisperEngine) -> None:
    engine.check("en")
    assert engine.detect_language(np.zeros(RATE, np.float32)) == "en"
    with pytest.raises(NotSupported, match="'de'"):
        engine.check("de")


def test_a_folder_that_holds_no_model_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    settings = msgspec.structs.replace(SETTINGS, whisper_model_name=str(tmp_path))
    with pytest.raises(ModelUnavailable, match="cannot be loaded") as caught:
        load_own(settings)
    assert "\n" not in str(caught.value)


def test_a_hyphen_makes_no_word() -> None:
    words = [TimedWord(0, 1, " 10", 0.9), TimedWord(1, 2, "-4", 0.5), TimedWord(2, 3, " engine", 1)]
    assert whole_words(words, "en") == [TimedWord(0, 2, " 10-4", 0.5), words[2]]
    assert whole_words(words, "ja") == words


def test_without_a_tokenizer_the_hub_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    settings = msgspec.structs.replace(SETTINGS, whisper_model_name=str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"holds no tokenizer\.json"):
        load_own(settings)


@pytest.mark.parametrize("hotwords", [None, "engine three " * 300])
def test_a_prompt_of_any_length_is_borne(
    engine: WhisperEngine, tmp_path: Path, hotwords: str | None
) -> None:
    options = Options(prompt="medic seven " * 300, hotwords=hotwords)
    samples = whole(samples_of("backup.ogg", tmp_path))
    decode_one(engine, samples, plan_for(engine, options=options))


def generated(log_probability: float, no_speech: float = 0.0, ratio: float = 1.0) -> Generated:
    return Generated([], log_probability, no_speech, ratio)


@pytest.mark.parametrize(
    ("result", "is_silent", "is_accepted"),
    [
        (generated(-0.3), False, True),
        (generated(-0.3, no_speech=0.9), False, True),
        (generated(-1.2, no_speech=0.9), True, True),
        (generated(-1.2, no_speech=0.5), False, False),
        (generated(-0.3, ratio=2.5), False, False),
    ],
)
def test_guards(result: Generated, is_silent: bool, is_accepted: bool) -> None:
    assert (silent(result), accepted(result)) == (is_silent, is_accepted)


def test_the_best_is_the_likeliest_that_does_not_repeat_itself() -> None:
    looping, fair, poor = generated(-0.1, ratio=9.0), generated(-1.5), generated(-2.5)
    assert best([looping, fair, poor]) is fair
    assert best([looping]) is looping


def test_the_first_search_is_the_plans() -> None:
    assert searches(1)[0].beam_size == 1
    assert searches(1)[0].repetition_penalty == 1.0
    assert len(set(searches(5))) == len(searches(5))


@pytest.mark.parametrize(
    ("size", "margin", "frames"),
    [(401, 0.4, 442), (400, 0.4, 440), (2990, 0.4, 3000), (10, None, 3000), (3, 0, 4)],
)
def test_the_window_is_the_chunk_and_a_margin(size: int, margin: float | None, frames: int) -> None:
    assert window_frames(size, margin) == frames


def test_what_is_less_likely_than_wanted_is_dropped() -> None:
    generated = Generated([1], math.log(0.5), 0.0, 1.0)
    assert not guards.unsure(generated, 0.0)
    assert not guards.unsure(generated, 0.49)
    assert guards.unsure(generated, 0.51)


def test_a_text_of_more_tokens_than_its_audio_may_have_is_a_failed_search() -> None:
    limits = Guards(tokens_per_second=10.0)
    assert guards.most_tokens(2.0, Guards()) is None
    most = guards.most_tokens(2.0, limits)
    assert most == 40
    fits = Generated([1] * 40, -0.1, 0.0, 1.0)
    much = Generated([1] * 41, -0.1, 0.0, 1.0)
    assert guards.accepted(fits, most)
    assert not guards.accepted(much, most)
    assert guards.accepted(much)
    assert guards.cut(much, most).tokens == fits.tokens
    assert guards.cut(much, None) == much


def test_the_decoder_is_stopped_where_its_window_can_hold_no_more(
    engine: WhisperEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "BESIDE", 5)
    samples = whole(samples_of(CALLS[0], tmp_path))
    (spoken, *_) = decode_one(engine, samples, plan_for(engine, guards=Guards()))
    tight = plan_for(engine, guards=Guards(tokens_per_second=0.01))
    (cut, *_) = decode_one(engine, samples, tight)
    assert len(cut.text.split()) < len(spoken.text.split())
    wide = plan_for(engine, guards=Guards(tokens_per_second=15.0))
    assert decode_one(engine, samples, wide)[0] == spoken


def test_a_window_without_the_wanted_confidence_gives_none(
    engine: WhisperEngine, tmp_path: Path
) -> None:
    samples = whole(samples_of(CALLS[0], tmp_path))
    (spoken, *_) = decode_one(engine, samples, plan_for(engine))
    just = spoken.confidence - 0.001
    assert decode_one(engine, samples, plan_for(engine, guards=Guards(least_confidence=just)))
    assert (
        decode_one(engine, samples, plan_for(engine, guards=Guards(least_confidence=just + 0.002)))
        == []
    )
