"""Audio files, opened so that nothing but the file itself is ever read.

FFmpeg follows what a file refers to: a `.wav` that holds an ffconcat script reads its neighbour, an
m3u8 makes requests. So a file is opened only by the demuxers of `CONTAINERS`, and these may use the
file protocol only. Everything that opens audio goes through `open_audio`.
"""

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from shared.containers import ALLOWED, CONTAINERS, FORMATS
from shared.errors import NotAudio, TooLarge

LONGEST = 4 * 3600.0
"""Seconds; the longest file that `probe` accepts unless told otherwise."""

_OPTIONS = {
    "format_whitelist": ",".join(container.demuxer for container in CONTAINERS),
    "protocol_whitelist": "file",
    # FFmpeg asks of every WAV whether DTS hides in it: of up to 2,500 packets, in nine tenths of
    # the time that it takes to open a call.
    "max_probe_packets": "4",
}
_BY_DEMUXER = {container.demuxer: container for container in CONTAINERS}
_SECONDS_TO_READ = 20.0
# The codecs' shortest frames last about a millisecond. A file with more packets than that has a
# broken or hostile index, which could otherwise keep us counting for ever.
_MOST_PACKETS_PER_SECOND = 1000
_PACKETS_TO_FIRST_FRAME = 200
_JOINED_SAMPLES = 200_000
_LONGEST_TAG = 4096


@dataclass(frozen=True)
class MediaInfo:
    """What an audio file turned out to be."""

    container: str
    """Container format, as FFmpeg names its demuxer."""
    codec: str
    """Audio codec, as FFmpeg names it."""
    duration: float
    """Seconds, counted from the packets, whatever the header says."""
    sample_rate: int
    """Hz."""
    channels: int
    extension: str
    """For a file's name, without a dot."""
    content_type: str


@contextmanager
def open_audio(path: Path) -> Generator[tuple[InputContainer, AudioStream]]:
    """An audio file and its first audio stream.

    Raises NotAudio if it is in no accepted container or holds no audio.
    """
    try:
        container = av.open(
            str(path.absolute()),
            mode="r",
            options=dict(_OPTIONS),
            metadata_errors="replace",
            timeout=_SECONDS_TO_READ,
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise _not_audio(_what_it_is(path)) from error
    with container:
        audio = container.streams.audio
        if not audio:
            raise _not_audio("it holds video but no audio" if container.streams.video else "empty")
        yield container, audio[0]


def probe(path: Path, longest: float = LONGEST, formats: Collection[str] = FORMATS) -> MediaInfo:
    """What the audio file is, and how long it lasts.

    The work is bounded by `longest` (seconds). Raises NotAudio if it is in no accepted container,
    in none of `formats`, or if none of its audio decodes or can be mixed to mono, TooLarge if it
    lasts longer.
    """
    with open_audio(path) as (container, stream):
        if (found := _BY_DEMUXER[container.format.name].extension) not in formats:
            raise _not_accepted(found, formats)
        if not _decodes(container, stream):
            raise _not_audio("none of its audio can be decoded")
        codec = stream.codec_context
        info = _BY_DEMUXER[container.format.name]
        sample_rate, channels, name = codec.sample_rate, codec.channels, codec.name
    # Opened again, not rewound: some damaged files decode but cannot seek to their beginning.
    with open_audio(path) as (container, stream):
        duration = _count(container, stream, longest)
    return MediaInfo(
        info.demuxer, name, duration, sample_rate, channels, info.extension, info.content_type
    )


def tags(path: Path) -> dict[str, str]:
    """What the file says of itself (ID3, LIST and the like), by FFmpeg's names in lower case.

    Raises NotAudio.
    """
    with open_audio(path) as (container, stream):
        found = {**stream.metadata, **container.metadata}
    return {name.lower(): value[:_LONGEST_TAG] for name, value in found.items()}


def frames(path: Path, rate: int = 16_000) -> Iterator[AudioFrame]:
    """The file's audio as mono frames at `rate` Hz: 32-bit floats (`flt`), or 16-bit integers
    (`s16`) if it is so in the file, as most radio recordings are.

    A packet that does not decode is left out, as players do. Raises NotAudio, also midway if what
    follows cannot be mixed to mono.
    """
    with open_audio(path) as (container, stream):
        resampler: AudioResampler | None = None
        form: object = None
        for frame in _joined(_decode(container, stream)):
            if _form(frame) != form:
                if resampler is not None:
                    yield from resampler.resample(None)
                form = _form(frame)
                resampler = None if form == ("s16", "mono", rate) else _resampler(rate)
            # A resampler refuses time stamps that jump; only the order of the samples matters here.
            frame.pts = None
            if resampler is not None:
                yield from _mixed(resampler, frame)
            else:
                yield frame
        if resampler is not None:
            yield from resampler.resample(None)


def _joined(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """The same audio in fewer and larger frames: a codec's own last some 20 ms, and to resample
    each by itself takes longer than to decode it."""
    fifo = AudioFifo()
    form: object = None
    for frame in frames:
        if fifo.samples and (fifo.samples >= _JOINED_SAMPLES or _form(frame) != form):
            joined = fifo.read()
            if joined is not None:
                yield joined
        if _form(frame) != form:
            fifo = AudioFifo()
            form = _form(frame)
        frame.pts = None
        fifo.write(frame)
    if fifo.samples and (joined := fifo.read()) is not None:
        yield joined


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _decode(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except (av.error.FFmpegError, ValueError):
            return
        try:
            yield from packet.decode()
        except (av.error.FFmpegError, ValueError):
            continue


def _decodes(container: InputContainer, stream: AudioStream) -> bool:
    codec: AudioCodecContext = stream.codec_context
    packets = container.demux(stream)
    for _ in range(_PACKETS_TO_FIRST_FRAME):
        try:
            packet = next(packets, None)
            if packet is None:
                return False
        except (av.error.FFmpegError, ValueError):
            return False
        try:
            if decoded := packet.decode():
                # Looked at here, since what cannot be mixed is no use to anybody later.
                _mixed(_resampler(16_000), decoded[0])
                return codec.sample_rate > 0
        except (av.error.FFmpegError, ValueError):
            continue
    return False


def _mixed(resampler: AudioResampler, frame: AudioFrame) -> list[AudioFrame]:
    """The frame in mono. Raises NotAudio: FFmpeg has no rule for 9 channels, or for 100."""
    try:
        return resampler.resample(frame)
    except (av.error.FFmpegError, ValueError) as error:
        raise _not_audio(
            f"its {frame.layout.nb_channels} channels at {frame.sample_rate} Hz"
            " cannot be mixed to one"
        ) from error


def _resampler(rate: int) -> AudioResampler:
    return AudioResampler(format="flt", layout="mono", rate=rate)


def _count(container: InputContainer, stream: AudioStream, longest: float) -> float:
    codec: AudioCodecContext = stream.codec_context
    base = stream.time_base or Fraction(0)
    most_packets = (longest + 1) * _MOST_PACKETS_PER_SECOND
    ticks = timeless = count = 0
    seconds = 0.0
    try:
        for packet in container.demux(stream):
            count += 1
            if packet.duration:
                ticks += packet.duration
            elif packet.size:
                timeless += 1
            seconds = float(ticks * base) + timeless * codec.frame_size / codec.sample_rate
            if seconds > longest or count > most_packets:
                limit = f"{longest:g} seconds"
                raise TooLarge(
                    f"the recording lasts longer than {limit} (ECHOBASE_MAX_DURATION)",
                    field="file",
                    limit=limit,
                )
    except (av.error.FFmpegError, ValueError):
        pass  # Cut off or damaged from here on: it lasts as long as what can be read.
    return seconds


def _not_audio(found: str) -> NotAudio:
    return NotAudio(
        f"the file is no audio that we accept: {found}; allowed are {ALLOWED}",
        field="file",
        limit=ALLOWED,
    )


def _not_accepted(found: str, formats: Collection[str]) -> NotAudio:
    allowed = ", ".join(formats)
    return NotAudio(
        f"the file is {found}; accepted are {allowed} (ECHOBASE_FORMATS)",
        field="file",
        limit=allowed,
    )


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "it is empty"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(
        (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]")
    ):
        return "it is a playlist, which refers to other files"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end in the middle of a character.
        text = head[: error.start].decode() if error.start > len(head) - 4 else ""
    if text and (text.isprintable() or not set(text) & set(map(chr, range(9)))):
        return "it is text"
    return f"it begins with the bytes {head[:8].hex(' ')}"
