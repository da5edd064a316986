"""An attempt's files."""

import time
import wave
from pathlib import Path

import pytest

from services.transcriber.scratch import scratch
from shared.errors import NotAudio


def _wav(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))


def _gone(folder: Path) -> bool:
    end = time.monotonic() + 10
    while any(folder.iterdir()) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(folder.iterdir())


def test_what_was_stored_goes_once_it_is_decoded_and_the_samples_afterwards(tmp_path: Path) -> None:
    with scratch(tmp_path) as files:
        _wav(files.source)
        audio = files.decode()
        assert not files.source.exists()
        assert audio.total == 16_000
        assert len(list(tmp_path.iterdir())) == 1
    assert _gone(tmp_path)


def test_nothing_is_left_of_what_is_no_audio_or_was_never_decoded(tmp_path: Path) -> None:
    with scratch(tmp_path) as first, scratch(tmp_path) as second:
        assert first.source != second.source
        first.source.write_bytes(b"text")
        second.source.write_bytes(b"text")
        with pytest.raises(NotAudio):
            first.decode()
    assert _gone(tmp_path)
