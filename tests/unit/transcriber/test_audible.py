"""Taking long silences out before speech is looked for."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from services.transcriber import speech
from services.transcriber.audible import audible
from services.transcriber.audio import Audio, decode
from services.transcriber.chunks import RATE, Span
from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from services.transcriber.samples import Samples
from services.transcriber.speech import blocks, find_speech
from shared.messages import Options
from shared.settings import TranscriberSettings
from tests.support.transcribing import SAMPLES, write_wav

PLAN = make_plan(Options(), TranscriberSettings(), "m", Traits(shortest_pause=0.3, longest_chunk=8))


def tone(seconds: float) -> Samples:
    return (np.sin(np.arange(round(seconds * RATE)) / 7) / 2).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def spans(*seconds: tuple[float, float]) -> list[Span]:
    return [Span(round(start * RATE), round(end * RATE)) for start, end in seconds]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([silence(0)], []),
        ([silence(600)], []),
        ([tone(2.5)], spans((0, 2.5))),
        ([silence(5), tone(1), silence(5)], spans((0, 11))),
        ([silence(60), tone(1), silence(60)], spans((55, 66))),
        ([tone(1), silence(10), tone(1)], spans((0, 12))),
        ([tone(1), silence(11), tone(1)], spans((0, 6), (7, 13))),
        ([tone(1) / np.float32(1e4), silence(20), tone(0.01)], spans((16, 21.01))),
    ],
)
def test_long_silences_are_taken_out(parts: list[Samples], expected: list[Span]) -> None:
    assert audible(np.concatenate(parts)) == expected


def test_what_an_encoder_makes_of_silence_is_silence() -> None:
    dither = np.random.default_rng(1).integers(-2, 3, 30 * RATE) / 2**15
    assert audible(dither.astype(np.float32)) == []


def test_speech_is_found_where_it_is_between_long_silences(tmp_path: Path) -> None:
    call = whole(decode(SAMPLES / "hospital.ogg", tmp_path / "call"))
    alone = find_speech(audio_of(tmp_path / "a", silence(5), call, silence(5)), PLAN)
    apart = find_speech(
        audio_of(tmp_path / "b", silence(400), call, silence(95), call, silence(5)), PLAN
    )
    ahead = [395 * RATE, 395 * RATE + len(call) + 95 * RATE]
    expected = [Span(at + span.start, at + span.end) for at in ahead for span in alone]
    # The detector looks at 32 ms at a time.
    assert [s.start for s in apart] == pytest.approx([s.start for s in expected], abs=1024)
    assert [s.end for s in apart] == pytest.approx([s.end for s in expected], abs=1024)


def test_the_detector_is_shown_no_long_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    real = speech.speech_timestamps

    def detector(samples: Samples, *limits: float) -> list[tuple[int, int]]:
        shown.append(len(samples))
        return real(samples, *limits)

    monkeypatch.setattr(speech, "speech_timestamps", detector)
    assert find_speech(audio_of(tmp_path / "a", silence(600)), PLAN) == []
    assert shown == []
    assert find_speech(audio_of(tmp_path / "b", silence(60), tone(1), silence(60)), PLAN) == []
    assert shown == [11 * RATE]


def test_a_short_recording_goes_whole_to_a_model_that_tells_speech_itself(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(PLAN, search_from=8.0)
    audio = audio_of(tmp_path / "a", silence(1), tone(2), silence(1))
    assert find_speech(audio, PLAN) == []
    assert find_speech(audio, plan) == [Span(0, 4 * RATE)]
    assert find_speech(audio_of(tmp_path / "b", silence(4)), plan) == []
    assert find_speech(audio_of(tmp_path / "c", tone(8)), plan) == []


def audio_of(file: Path, *parts: Samples) -> Audio:
    return decode(write_wav(file.with_suffix(".wav"), np.concatenate(parts)), file)


def whole(audio: Audio) -> Samples:
    return audio.read(Span(0, audio.total))


def test_the_blocks_of_a_recording_leave_nothing_out() -> None:
    parts = blocks(10 * RATE + 1, 4 * RATE)
    assert [(part.start, part.end) for part in parts] == [
        (0, 4 * RATE),
        (4 * RATE, 8 * RATE),
        (8 * RATE, 10 * RATE + 1),
    ]
    assert blocks(0) == []
