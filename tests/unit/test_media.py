"""Audio files: what is accepted, how long it is said to last, and that nothing else is read."""

import contextlib
import http.server
import os
import struct
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from av.error import FFmpegError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.containers import CONTAINERS
from shared.errors import NotAudio, TooLarge
from shared.media import frames, probe
from tests.support import audio_files


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two seconds of every accepted kind."""
    folder = tmp_path_factory.mktemp("library")
    return {kind: audio_files.write(folder / kind, kind) for kind in audio_files.KINDS}


@pytest.mark.parametrize("kind", audio_files.KINDS)
def test_every_accepted_kind_is_recognised_and_measured(
    library: dict[str, Path], kind: str
) -> None:
    info = probe(library[kind])
    assert info.duration == pytest.approx(2.0, abs=0.15)
    assert info.sample_rate == audio_files.KINDS[kind][2]
    assert info.content_type.startswith("audio/")
    assert info.container in {container.demuxer for container in CONTAINERS}


@pytest.mark.parametrize("kind", audio_files.KINDS)
def test_frames_are_mono_at_the_asked_rate(library: dict[str, Path], kind: str) -> None:
    found = list(frames(library[kind], 16_000))
    assert {(f.layout.name, f.sample_rate) for f in found} == {("mono", 16_000)}
    assert {f.format.name for f in found} in ({"flt"}, {"s16"})
    assert sum(f.samples for f in found) / 16_000 == pytest.approx(2.0, abs=0.15)


def test_the_test_files_cover_every_accepted_container(library: dict[str, Path]) -> None:
    assert {probe(path).container for path in library.values()} == {c.demuxer for c in CONTAINERS}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty"),
        (b"This is a letter, not a recording. " * 30, "text"),
        ("Überall Umlaute: äöü. ".encode() * 40, "text"),
        (b"ffconcat version 1.0\nfile other.wav\n", "playlist"),
        (b"#EXTM3U\n#EXTINF:1,\nother.wav\n", "playlist"),
        (bytes(2_000), "00 00 00 00"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "89 50 4e 47"),
        (audio_files.wav(1.0)[:44], "none of its audio"),
    ],
)
def test_what_is_no_audio_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(NotAudio) as caught:
        probe(path)
    assert found in str(caught.value)
    assert "mp3" in str(caught.value)
    assert caught.value.field == "file"


def test_a_video_without_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match="video but no audio"):
        probe(audio_files.write_video(tmp_path / "film.mp4"))


@pytest.mark.parametrize("channels", [9, 100])
def test_channels_that_cannot_be_mixed_are_named(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * channels * 8_000))
    reason = f"its {channels} channels at 8000 Hz cannot be mixed"
    with pytest.raises(NotAudio, match=reason):
        probe(path)
    with pytest.raises(NotAudio, match=reason):
        list(frames(path))


def test_a_recording_over_the_limit_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(audio_files.wav(3.0))
    assert probe(path, longest=3.0).duration == 3.0
    with pytest.raises(TooLarge, match=r"longer than 2\.5 seconds"):
        probe(path, longest=2.5)


def test_a_truncated_wav_lasts_as_long_as_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(audio_files.wav(4.0)[: 44 + 16_000])
    assert probe(path).duration == 1.0


@pytest.mark.parametrize("claimed", [0, 1, 0xFFFFFFFF])
def test_a_wav_whose_header_lies_about_its_size_is_measured(tmp_path: Path, claimed: int) -> None:
    # A recorder that streams writes 0 or the largest number, since it does not know yet.
    content = bytearray(audio_files.wav(2.0))
    content[40:44] = struct.pack("<I", claimed)
    path = tmp_path / "streamed.wav"
    path.write_bytes(content)
    if claimed == 1:
        with pytest.raises(NotAudio):
            probe(path)
    else:
        assert probe(path).duration == 2.0


def test_an_mp3_without_its_header_is_measured(tmp_path: Path, library: dict[str, Path]) -> None:
    path = tmp_path / "bare.mp3"
    with av.open(str(library["mp3"])) as container:
        path.write_bytes(b"".join(bytes(packet) for packet in container.demux(audio=0)))
    assert b"Xing" not in path.read_bytes()
    assert probe(path).duration == pytest.approx(2.0, abs=0.15)


def test_a_webm_without_a_duration_is_measured(tmp_path: Path, library: dict[str, Path]) -> None:
    content = library["webm"].read_bytes()
    # EBML id 0x4489 (Duration), 8 bytes long: made an element that players skip (Void).
    place = content.index(b"\x44\x89\x88")
    path = tmp_path / "live.webm"
    path.write_bytes(content[:place] + b"\xec\x89" + content[place + 2 :])
    with av.open(str(path)) as container:
        assert container.duration is None
    assert probe(path).duration == pytest.approx(2.0, abs=0.15)


def test_an_mp4_that_claims_hours_is_refused_and_not_walked_for_ever(
    tmp_path: Path, library: dict[str, Path]
) -> None:
    # Without its edit list, which would end the walk by itself.
    content = bytearray(library["m4a"].read_bytes().replace(b"elst", b"free"))
    # The table of durations (count, then pairs of packets and duration): each packet, ten minutes.
    table = content.index(b"stts") + 8
    (entries,) = struct.unpack_from(">I", content, table)
    for entry in range(entries):
        struct.pack_into(">I", content, table + 8 + 8 * entry, 16_000 * 600)
    path = tmp_path / "claims.m4a"
    path.write_bytes(content)
    with pytest.raises(TooLarge):
        probe(path)


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A real web server that holds a playlist's target, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = audio_files.wav(1.0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


M3U8 = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{url}/segment.wav\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "script",
    [
        M3U8,
        "#EXTM3U\n#EXTINF:1,\n{url}/segment.wav\n",
        "ffconcat version 1.0\nfile {url}/segment.wav\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "[playlist]\nFile1={url}/segment.wav\nNumberOfEntries=1\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}/</BaseURL>'
        "</MPD>",
    ],
)
@pytest.mark.parametrize("name", ["call.wav", "call.m3u8", "call.sdp", "call.mpd", "call"])
def test_no_script_makes_a_request(
    tmp_path: Path, web: tuple[str, list[str]], script: str, name: str
) -> None:
    url, asked = web
    path = tmp_path / name
    path.write_text(script.format(url=url))
    with pytest.raises(NotAudio):
        probe(path)
    with pytest.raises(NotAudio):
        list(frames(path))
    assert asked == []


def test_the_web_server_would_have_noticed(tmp_path: Path, web: tuple[str, list[str]]) -> None:
    url, asked = web
    path = tmp_path / "call.m3u8"
    path.write_text(M3U8.format(url=url))
    with contextlib.suppress(FFmpegError):
        av.open(str(path), options={"protocol_whitelist": "file,http,tcp"}).close()
    assert "/segment.wav" in asked


class Neighbour:
    """A pipe beside the file: opening it is noticed, and would last until we let go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = False
        self._done = threading.Event()
        os.mkfifo(path)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            try:
                end = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue
            self.opened = True
            os.close(end)

    def close(self) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Neighbour]:
    """The file that must not be opened."""
    pipe = Neighbour(tmp_path / "neighbour.wav")
    yield pipe
    pipe.close()


@pytest.mark.parametrize(
    "script", ["ffconcat version 1.0\nfile neighbour.wav\n", M3U8.format(url="file:.")]
)
@pytest.mark.parametrize("name", ["call.wav", "call.m3u8", "call.txt"])
def test_no_script_opens_a_neighbour(
    tmp_path: Path, neighbour: Neighbour, script: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(script.replace("segment.wav", "neighbour.wav"))
    with pytest.raises(NotAudio):
        probe(path)
    assert not neighbour.opened


def test_a_neighbour_that_is_opened_would_be_noticed(tmp_path: Path, neighbour: Neighbour) -> None:
    path = tmp_path / "call.wav"
    path.write_text("ffconcat version 1.0\nfile neighbour.wav\n")
    with pytest.raises(FFmpegError):
        av.open(str(path))
    assert neighbour.opened


def test_a_mov_that_refers_to_another_file_does_not_open_it(
    tmp_path: Path, library: dict[str, Path], neighbour: Neighbour
) -> None:
    path = tmp_path / "call.mov"
    path.write_bytes(_with_reference(library["mov"].read_bytes(), "neighbour.wav"))
    try:
        probe(path)
        list(frames(path))
    except NotAudio:
        pass
    assert not neighbour.opened
    av.open(str(path), options={"enable_drefs": "1"}).close()
    assert neighbour.opened


def _with_reference(mov: bytes, name: str) -> bytes:
    """The mov file with its data reference made one to a file beside it (a Macintosh alias)."""
    alias = bytearray(150)
    alias[4:6] = struct.pack(">H", 150)
    encoded = name.encode()
    alias[50] = len(encoded)
    alias[51 : 51 + len(encoded)] = encoded
    struct.pack_into(">HH", alias, 130, 1, 1)
    path = f"/{name}".encode()
    extra = struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
    body = bytes(alias) + extra + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(body), b"alis", 0) + body
    return _rebuild(mov, entry)


def _rebuild(atoms: bytes, entry: bytes) -> bytes:
    made = b""
    at = 0
    while at < len(atoms):
        size, name = struct.unpack_from(">I4s", atoms, at)
        body = atoms[at + 8 : at + size]
        if name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = _rebuild(body, entry)
        elif name == b"dref":
            body = struct.pack(">II", 0, 1) + entry
        made += struct.pack(">I4s", 8 + len(body), name) + body
        at += size
    return made


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(list(audio_files.KINDS)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=30),
    kept=st.floats(0, 1),
)
def test_a_damaged_file_is_accepted_or_refused_by_name(
    tmp_path: Path, library: dict[str, Path], kind: str, flips: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(library[kind].read_bytes())
    # Damage clusters at the beginning, where the headers are.
    for place, mask in flips:
        content[int(len(content) * place**3)] ^= mask
    path = tmp_path / "damaged"
    path.write_bytes(content[: round(len(content) * kept)])
    with contextlib.suppress(NotAudio, TooLarge):
        info = probe(path)
        assert 0 <= info.duration <= 4 * 3600
        for frame in frames(path):
            assert frame.sample_rate == 16_000


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=2_000))
def test_any_bytes_are_accepted_or_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "noise"
    path.write_bytes(content)
    with contextlib.suppress(NotAudio, TooLarge):
        probe(path)
