"""Samples in a file."""

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from services.transcriber.audio import decode
from services.transcriber.chunks import RATE, Span
from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from services.transcriber.speech import find_speech
from shared.errors import NotAudio
from shared.messages import Options
from shared.settings import TranscriberSettings
from tests.support import audio_files
from tests.support.transcribing import SAMPLES, write_wav

PLAN = make_plan(Options(), TranscriberSettings(), "m", Traits(shortest_pause=0.3, longest_chunk=8))


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    sine = np.sin(np.arange(RATE) / 7).astype(np.float32) * np.float32(0.9)
    audio = decode(write_wav(tmp_path / "a.wav", sine), tmp_path / "pcm")
    assert audio.total == RATE
    assert audio.duration == 1.0
    np.testing.assert_allclose(audio.read(Span(100, 300)), sine[100:300], atol=1e-4)


def test_16_bit_samples_are_the_files_own(tmp_path: Path) -> None:
    own = np.random.default_rng(1).integers(-32_768, 32_768, 3 * RATE + 7).astype(np.int16)
    source = tmp_path / "a.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(own.tobytes())
    decode(source, tmp_path / "pcm")
    np.testing.assert_array_equal(np.fromfile(tmp_path / "pcm", np.int16), own)


@pytest.mark.parametrize("kind", ["mp3", "m4a", "opus", "wav", "flac"])
def test_every_container_gives_the_same_length(tmp_path: Path, kind: str) -> None:
    source = audio_files.write(tmp_path / f"a.{kind}", kind, seconds=2.0)
    audio = decode(source, tmp_path / "pcm")
    assert audio.duration == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("content", [b"", b"not audio at all", b"#EXTM3U\nhttp://127.0.0.1/x\n"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(content)
    with pytest.raises(NotAudio):
        decode(source, tmp_path / "pcm")


def test_numbers_that_are_none_are_silence_and_others_are_cut(tmp_path: Path) -> None:
    content = struct.pack("<5f", np.nan, np.inf, -np.inf, 3e38, 0.5) * 1_000
    head = struct.pack("<HHIIHH", 3, 1, RATE, RATE * 4, 4, 32)
    source = tmp_path / "a.wav"
    source.write_bytes(
        b"RIFF"
        + struct.pack("<I", len(content) + 36)
        + b"WAVEfmt "
        + struct.pack("<I", len(head))
        + head
        + b"data"
        + struct.pack("<I", len(content))
        + content
    )
    audio = decode(source, tmp_path / "pcm")
    samples = audio.read(Span(0, audio.total))
    highest = np.float32(1 - 2**-15)
    np.testing.assert_array_equal(samples[:5], np.array([0, highest, -1, highest, 0.5], np.float32))


def test_silence_holds_no_speech(tmp_path: Path) -> None:
    audio = decode(write_wav(tmp_path / "a.wav", np.zeros(RATE, np.float32)), tmp_path / "pcm")
    assert find_speech(audio, PLAN) == []


def test_speech_is_found_whatever_the_blocks(tmp_path: Path) -> None:
    audio = decode(SAMPLES / "hospital.ogg", tmp_path / "pcm")
    whole = find_speech(audio, PLAN)
    assert len(whole) >= 2
    blocks = find_speech(audio, PLAN, block=3 * RATE)
    # The detector begins anew at a seam, and a pause is no pause there until it is long enough.
    slack = (PLAN.shortest_pause + 0.1) * RATE
    assert len(blocks) == len(whole)
    for a, b in zip(whole, blocks, strict=True):
        assert abs(a.start - b.start) < slack
        assert abs(a.end - b.end) < slack
