"""A call in which no speech is found is looked at again, where a site wants it."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from services.transcriber.audio import Audio, decode
from services.transcriber.chunks import RATE, Span
from services.transcriber.direct import chunks_of
from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from services.transcriber.samples import Samples
from services.transcriber.speech import find_speech, second_look, strictly
from shared.channels import ChannelRecord
from shared.guards import Guards
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings
from shared.settings_guards import GuardSettings
from tests.support.transcribing import SAMPLES, write_wav

OFF = make_plan(Options(language="en"), TranscriberSettings(), "m", Traits())
ON = msgspec.structs.replace(OFF, guards=Guards(second_try=0.01, second_confidence=0.7))


def hum(seconds: float, level: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sqrt(2) * np.sin(2 * np.pi * 100 * time)).astype(np.float32)


def audio_of(folder: Path, *parts: Samples) -> Audio:
    return decode(write_wav(folder / "a.wav", np.concatenate(parts)), folder / "pcm")


def test_what_is_loud_is_given_to_the_model_from_its_first_sound_to_its_last(
    tmp_path: Path,
) -> None:
    silence = np.zeros(RATE, np.float32)
    audio = audio_of(tmp_path, silence, hum(2, 0.05), silence, hum(1, 0.05), silence)
    assert find_speech(audio, ON) == []
    assert second_look(audio, ON) == [Span(RATE, 5 * RATE)]
    assert second_look(audio, OFF) == []
    (chunk,) = chunks_of(tmp_path / "a.wav", ON, tmp_path / "again")
    assert chunk.plan.guards.least_confidence == 0.7
    assert chunks_of(tmp_path / "a.wav", OFF, tmp_path / "again") == []


@pytest.mark.parametrize(("seconds", "level"), [(2.0, 0.009), (0.05, 0.05), (31.0, 0.05)])
def test_what_is_quiet_or_a_click_or_long_is_not(
    tmp_path: Path, seconds: float, level: float
) -> None:
    audio = audio_of(tmp_path, hum(seconds, level), np.zeros(200, np.float32))
    assert second_look(audio, ON) == []


def test_what_the_site_asks_of_every_text_is_asked_of_these_too() -> None:
    picky = msgspec.structs.replace(ON, guards=Guards(least_confidence=0.9, second_confidence=0.7))
    assert strictly(picky).guards.least_confidence == 0.9


def test_speech_in_noise_is_found_by_a_lower_threshold(tmp_path: Path) -> None:
    call = decode(SAMPLES / "hospital.ogg", tmp_path / "call")
    samples = call.read(Span(0, call.total))
    noise = np.random.default_rng(1).normal(0, 0.2, len(samples)).astype(np.float32)
    audio = audio_of(tmp_path, samples + noise)

    def found(threshold: float) -> int:
        plan: Plan = msgspec.structs.replace(OFF, guards=Guards(speech_threshold=threshold))
        return sum(span.length for span in find_speech(audio, plan))

    assert found(0.05) > found(0.5) >= found(0.95)


def test_a_channels_own_thresholds_come_before_the_sites() -> None:
    record = ChannelRecord(source="11", channel="5", speech_threshold=0.3)
    site = GuardSettings(speech_threshold=0.6, least_confidence=0.2)
    plan = make_plan(Options(), TranscriberSettings(), "m", Traits(), record, site)
    assert plan.guards.speech_threshold == 0.3
    assert plan.guards.least_confidence == 0.2
    assert plan.guards.most_repeats == site.most_repeats
