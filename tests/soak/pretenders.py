"""What is no audio, or far more of it than it seems: empty, text, playlists, bombs, hours."""

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from tests.soak.damaged import Maker
from tests.soak.piece import Piece, Upload
from tests.support.audio_files import write_video

HOURS = 4
"""The limit's default (ECHOBASE_MAX_DURATION)."""
_MIB = 1024**2


def makers(folder: Path) -> Mapping[str, Maker]:
    """By name; `folder` is for what a library can write to files only."""
    film = write_video(folder / "film.mp4").read_bytes()
    made: dict[str, Callable[[random.Random], bytes]] = {
        "empty": lambda _: b"",
        "text": lambda chance: b"This is a letter. " * chance.randrange(1, 2_000),
        "noise": lambda chance: chance.randbytes(chance.randrange(1, 100_000)),
        "zeros": lambda chance: bytes(chance.randrange(1, 2 * _MIB)),
        "ffconcat": lambda _: b"ffconcat version 1.0\nfile /etc/passwd\n",
        "ffconcat of what a server says": lambda _: b"ffconcat version 1.0\nfile http://[::1]:9/\n",
        "m3u8": lambda _: _m3u8("file:///etc/passwd"),
        "m3u8 of what a server says": lambda _: _m3u8("http://127.0.0.1:9/call.wav"),
        "m3u8 with a mark": lambda _: b"\xef\xbb\xbf" + _m3u8("/etc/hostname"),
        "sdp": lambda _: _SDP,
        "pls": lambda _: b"[playlist]\nFile1=/etc/passwd\nNumberOfEntries=1\n",
        "video": lambda _: film,
        "zip bomb": lambda chance: _zipped(chance.randrange(20, 60)),
        "gzip bomb": lambda chance: gzip.compress(bytes(chance.randrange(20, 60) * _MIB)),
        "header without samples": lambda _: _wav_head(0xFFFFFFF0),
    }
    # Audio, and short enough, but of a sort that nobody records.
    odd: dict[str, Callable[[random.Random], bytes]] = {
        "numbers that are none": lambda chance: _wav(3, 1, 16_000, _not_a_number(chance)),
        "a hundred channels": lambda chance: _wav(1, 100, 8_000, chance.randbytes(200_000)),
        "a sample a second": lambda chance: _wav(1, 1, 1, chance.randbytes(240)),
        "a million samples a second": lambda chance: _wav(1, 1, 10**6, chance.randbytes(10**6)),
        "loud noise": lambda chance: _wav(1, 1, 16_000, chance.randbytes(200_000)),
        "10 minutes of silence": lambda _: _endless(folder / "10m.flac", "flac", "flac", 1 / 6),
        "a head that claims more": lambda chance: _wav_head(0xFFFFFFF0) + chance.randbytes(8_000),
    }
    hours: dict[str, Callable[[], bytes]] = {
        "5 hours of opus": _remember(lambda: _endless(folder / "5h.ogg", "ogg", "libopus", 5)),
        "5 hours of flac": _remember(lambda: _endless(folder / "5h.flac", "flac", "flac", 5)),
        "5 hours of mkv": _remember(lambda: _endless(folder / "5h.mkv", "matroska", "flac", 5)),
        f"more than {HOURS} hours of wav": lambda: _wav_head(16 * _MIB, 1_000) + bytes(16 * _MIB),
    }
    return {
        **{name: _refused(name, content) for name, content in made.items()},
        **{name: _either(name, content) for name, content in odd.items()},
        **{name: _too_long(name, content) for name, content in hours.items()},
    }


def longest_silence(folder: Path) -> Piece:
    """A small file of nearly as much silence as is allowed."""
    return Upload(
        "4 hours of silence", _endless(folder / "4h.flac", "flac", "flac", 3.99), "either"
    )


def _refused(kind: str, content: Callable[[random.Random], bytes]) -> Maker:
    """Sent under the name of a call."""

    def make(chance: random.Random) -> Piece:
        return Upload(kind, content(chance), query={"filename": "call.wav"})

    return make


def _either(kind: str, content: Callable[[random.Random], bytes]) -> Maker:
    return lambda chance: Upload(kind, content(chance), "either")


def _too_long(kind: str, content: Callable[[], bytes]) -> Maker:
    return lambda _: Upload(kind, content())


def _remember(make: Callable[[], bytes]) -> Callable[[], bytes]:
    made: list[bytes] = []

    def again() -> bytes:
        if not made:
            made.append(make())
        return made[0]

    return again


def _m3u8(address: str) -> bytes:
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
    return f"{head}{address}\n#EXT-X-ENDLIST\n".encode()


_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 5004 RTP/AVP 0\r\n"
)


def _zipped(size: int) -> bytes:
    """A zip file of so many MiB of nothing."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("call.wav", bytes(size * _MIB))
    return made.getvalue()


def _not_a_number(chance: random.Random) -> bytes:
    """32-bit floats, of which some are none, and some are without bounds."""
    odd = (float("nan"), float("inf"), float("-inf"), 3e38, 0.0)
    return b"".join(struct.pack("<f", chance.choice(odd)) for _ in range(32_000))


def _wav(code: int, channels: int, rate: int, content: bytes) -> bytes:
    """A wav file: `code` 1 for 16-bit samples, 3 for 32-bit floats."""
    width = 2 if code == 1 else 4
    block = width * channels
    form = struct.pack("<HHIIHH", code, channels, rate, rate * block % 2**32, block, 8 * width)
    return _riff(form, len(content)) + content


def _wav_head(size: int, rate: int = 8_000) -> bytes:
    """The head of a wav file of 8-bit mono that says that so many bytes follow."""
    return _riff(struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8), size)


def _riff(form: bytes, size: int) -> bytes:
    riff = min(size + 36, 0xFFFFFFFF)
    return b"".join(
        (b"RIFF", struct.pack("<I", riff), b"WAVEfmt ", struct.pack("<I", len(form)), form)
    ) + (b"data" + struct.pack("<I", size))


_Packet: TypeAlias = "Packet[AudioStream]"
"""As a text: only the type checker knows that it is generic."""


class _Stream(Protocol):
    """What is used of PyAV's stream, whose own types are incomplete."""

    layout: str

    def encode(self, frame: AudioFrame | None) -> list[_Packet]: ...


class _Container(Protocol):
    """Likewise."""

    def add_stream(self, name: str, rate: int) -> _Stream: ...

    def mux(self, packets: _Packet) -> None: ...


def _endless(path: Path, muxer: str, encoder: str, hours: float) -> bytes:
    """Hours of silence in a small file: one encoded packet, over and over."""
    rate = 48_000
    with av.open(str(path), "w", format=muxer) as opened:
        container = cast(_Container, opened)
        stream = container.add_stream(encoder, rate=rate)
        stream.layout = "mono"
        packet = _silent_packet(stream, rate)
        data, length = bytes(packet), packet.duration or 0
        base = packet.time_base or Fraction(1, rate)
        for number in range(int(hours * 3600 / (length * base))):
            again = cast("_Packet", Packet(data))
            again.stream = packet.stream
            again.time_base = base
            again.pts = again.dts = number * length
            again.duration = length
            container.mux(again)
    return path.read_bytes()


def _silent_packet(stream: _Stream, rate: int) -> _Packet:
    """One that comes after the codec's own beginning."""
    packets: list[_Packet] = []
    pts = 0
    while len(packets) < 3:
        frame = AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts = rate, pts
        pts += 960
        packets += stream.encode(frame)
    return packets[-1]
