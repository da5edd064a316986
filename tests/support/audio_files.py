"""Small audio files of every accepted kind, made on the spot."""

import array
import io
import math
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

import av
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame


class _Codec(Protocol):
    frame_size: int

    def open(self) -> None: ...


class _Stream(Protocol):
    """What we use of PyAV's streams, whose own types are incomplete."""

    codec_context: _Codec
    format: AudioFormat
    rate: int
    layout: str
    width: int
    height: int
    pix_fmt: str

    def encode(self, frame: AudioFrame | VideoFrame | None) -> list[object]: ...


class _Container(Protocol):
    def add_stream(self, name: str, rate: int, options: dict[str, str]) -> _Stream: ...

    def mux(self, packets: list[object]) -> None: ...


KINDS: dict[str, tuple[str, str, int]] = {
    "wav": ("wav", "pcm_s16le", 8_000),
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "mp4": ("mp4", "aac", 44_100),
    "mov": ("mov", "pcm_s16le", 16_000),
    "alac": ("ipod", "alac", 44_100),
    "ogg": ("ogg", "vorbis", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 16_000),
    "webm": ("webm", "libopus", 48_000),
    "mkv": ("matroska", "flac", 16_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "aac": ("adts", "aac", 16_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "caf": ("caf", "pcm_s16le", 16_000),
}
"""Kind, then muxer, encoder and sample rate in Hz."""


def samples(seconds: float, rate: int, pitch: float = 440.0) -> bytes:
    """A tone as 16-bit mono PCM."""
    step = 2 * math.pi * pitch / rate
    wave_form = (int(8_000 * math.sin(step * n)) for n in range(round(seconds * rate)))
    return array.array("h", wave_form).tobytes()


def wav(seconds: float = 1.0, rate: int = 8_000, pitch: float = 440.0) -> bytes:
    """A wav file of a tone; another pitch makes another recording."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples(seconds, rate, pitch))
    return buffer.getvalue()


def write(path: Path, kind: str, seconds: float = 2.0) -> Path:
    """A file of one of `KINDS`."""
    muxer, encoder, rate = KINDS[kind]
    # FFmpeg's own Vorbis encoder is marked experimental and knows stereo only.
    layout = "stereo" if encoder == "vorbis" else "mono"
    with av.open(str(path), "w", format=muxer) as opened:
        container = cast(_Container, opened)
        stream = container.add_stream(encoder, rate=rate, options={"strict": "-2"})
        stream.layout = layout
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        pcm = samples(seconds, rate)
        for start in range(0, len(pcm) // 2, size):
            part = pcm[2 * start : 2 * (start + size)]
            frame = _frame(part, rate, start)
            for ready in _resampled(frame, stream, layout):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def reencode(original: Path, path: Path, kind: str, tags: Mapping[str, str] | None = None) -> Path:
    """A recording again, as one of `KINDS`, in mono; `tags` by FFmpeg's names."""
    muxer, encoder, rate = KINDS[kind]
    with av.open(str(original)) as source, av.open(str(path), "w", format=muxer) as opened:
        opened.metadata.update(tags or {})
        container = cast(_Container, opened)
        stream = container.add_stream(encoder, rate=rate, options={})
        stream.layout = "mono"
        stream.codec_context.open()
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(stream.format, "mono", rate, size)
        for frame in (*source.decode(audio=0), None):
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def write_video(path: Path) -> Path:
    """An mp4 with a picture and no sound."""
    with av.open(str(path), "w", format="mp4") as opened:
        container = cast(_Container, opened)
        stream = container.add_stream("mpeg4", rate=10, options={})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def _frame(pcm: bytes, rate: int, pts: int) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
    frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate = rate
    frame.pts = pts
    return frame


def _resampled(frame: AudioFrame, stream: _Stream, layout: str) -> list[AudioFrame]:
    resampler = av.AudioResampler(stream.format, layout, stream.rate)
    return resampler.resample(frame)
