"""What SDRTrunk and trunk-recorder send, byte for byte.

SDRTrunk's forms are those of its `RdioScannerBuilder` and `OpenMHzBuilder`, its heads those of
`java.net.http.HttpClient`; trunk-recorder's are libcurl's, with the fields of its uploaders.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

START = 1772366400
"""2026-03-01 12:00:00 UTC."""
UPLOAD = "/api/call-upload"
META_UPLOAD = "/api/trunk-recorder-call-upload"
TAKEN = b"Call imported successfully.\n"
PROBED = b"Incomplete call data: no talkgroup\n\n"

SDRTRUNK_BOUNDARY = "--sdrtrunk-sdrtrunk-sdrtrunk"
CURL_BOUNDARY = "------------------------923ec473ec3a05cc"

SDRTRUNK: Mapping[str, str] = {
    "key": "abc",
    "system": "11",
    "dateTime": str(START),
    "talkgroup": "54241",
    "source": "1701",
    "frequency": "851012500",
    "talkerAlias": "",
    "talkgroupLabel": "FD Disp",
    "talkgroupGroup": "Fire",
    "systemLabel": "County",
    "patches": "[54241,54243]",
}
SDRTRUNK_PROBE: Mapping[str, str] = {"key": "abc", "system": "11", "test": "1"}
SDRTRUNK_OPENMHZ: Mapping[str, str] = {
    "freq": "851012500",
    "start_time": str(START),
    "stop_time": str(START),
    "call_length": "4",
    "talkgroup_num": "54241",
    "emergency": "0",
    "api_key": "abc",
    "patch_list": "[]",
    "talker_alias": "ENGINE 7",
    "source_list": '[{ "pos": 0.00, "src": 1701}]',
}
TRUNK_RECORDER: Mapping[str, str] = {
    "audioName": "54241-1772366400_851012500.0-call_7.wav",
    "audioType": "audio/wav",
    "dateTime": str(START),
    "frequencies": (
        '[{"freq": 851012500, "time": 1772366400, "pos": 0.00, "len": 3.20, "errorCount": 2,'
        ' "spikeCount": 1}]'
    ),
    "frequency": "851012500",
    "key": "abc",
    "patches": "[]",
    "talkgroup": "54241",
    "talkgroupGroup": "Fire",
    "talkgroupLabel": "FD Disp",
    "talkgroupTag": "Fire Dispatch",
    "talkgroupName": "-",
    "sources": '[{ "pos": 0.00, "src": 1701 }, { "pos": 1.50, "src": 1702 }]',
    "system": "11",
    "systemLabel": "county",
}
TRUNK_RECORDER_OPENMHZ: Mapping[str, str] = {
    "freq": "851012500",
    "error_count": "2",
    "spike_count": "1",
    "start_time": str(START),
    "stop_time": str(START + 4),
    "call_length": "4",
    "talkgroup_num": "54241",
    "emergency": "0",
    "api_key": "abc",
    "patch_list": "[]",
    "source_list": '[{ "pos": 0.00, "src": 1701 }]',
}
META = """{
 "call_num": 7, "freq": 851012500, "freq_error": 12, "signal": 30, "noise": -50, "source_num": 0,
 "recorder_num": 1, "tdma_slot": 0, "phase2_tdma": 0, "start_time": 1772366400,
 "stop_time": 1772366404, "start_time_ms": 1772366400250, "stop_time_ms": 1772366404250,
 "emergency": 0, "priority": 3, "mode": 0, "duplex": 0, "encrypted": 0, "call_length": 4,
 "talkgroup": 54241, "talkgroup_tag": "FD Disp", "talkgroup_description": "Fire Dispatch",
 "talkgroup_group_tag": "Fire Dispatch", "talkgroup_group": "Fire", "audio_type": "digital",
 "short_name": "county", "patched_talkgroups": [54241, 54243],
 "freqList": [{"freq": 851012500, "time": 1772366400, "pos": 0.0, "len": 3.2, "error_count": 2,
  "spike_count": 1}],
 "srcList": [{"src": 1701, "time": 1772366400, "pos": 0.0, "emergency": 0, "signal_system": "",
  "tag": "Engine 7"}]
}"""


class Reply(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    head: str
    """In lower case."""


def sdrtrunk_form(fields: Mapping[str, str], file: str = "", audio: bytes | None = None) -> bytes:
    """A form of SDRTrunk's; `file` is the disposition of its audio, which comes last."""
    parts = [
        f"--{SDRTRUNK_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if audio is not None:
        parts.append(
            f"--{SDRTRUNK_BOUNDARY}\r\nContent-Disposition: form-data; {file}\r\n\r\n".encode()
        )
        parts.append(audio)
    # Without a file, too, a line ends before the last boundary: the last value ends with it.
    return b"".join([*parts, f"\r\n--{SDRTRUNK_BOUNDARY}--\r\n".encode()])


RDIO_FILE = 'filename="20260301_120000.mp3"; name="audio"'
OPENMHZ_FILE = 'name="call"; filename="audio.mp3"'


def sdrtrunk_head(path: str, port: int, length: int, *, http2: bool = True) -> bytes:
    """A head of `java.net.http.HttpClient`, which asks for HTTP/2 unless it is told not to."""
    offer = ("Connection: Upgrade, HTTP2-Settings",) if http2 else ()
    settings = (
        (
            "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
            "Upgrade: h2c",
        )
        if http2
        else ("Accept: */*",)
    )
    return _head(
        f"POST {path} HTTP/1.1",
        *offer,
        f"Content-Length: {length}",
        f"Host: localhost:{port}",
        *settings,
        f"Content-Type: multipart/form-data; boundary={SDRTRUNK_BOUNDARY}",
        "User-Agent: sdrtrunk",
    )


def curl_form(name: str, filename: str, audio: bytes, fields: Mapping[str, str]) -> bytes:
    """A form of libcurl's, as trunk-recorder fills it: the audio first."""
    file = (
        f"--{CURL_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    parts = [
        f"\r\n--{CURL_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"\r\n\r\n{value}'.encode()
        for field, value in fields.items()
    ]
    return b"".join([file, audio, *parts, f"\r\n--{CURL_BOUNDARY}--\r\n".encode()])


def curl_head(path: str, port: int, length: int, *more: str) -> bytes:
    """A head of libcurl's, as trunk-recorder has it send."""
    return _head(
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: TrunkRecorder1.0",
        "Accept: */*",
        f"Content-Length: {length}",
        f"Content-Type: multipart/form-data; boundary={CURL_BOUNDARY}",
        *more,
    )


class Line:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *pieces: bytes) -> None:
        """Send bytes, each piece by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> Reply:
        """Read one answer."""
        async with asyncio.timeout(20.0):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            lengths = [line[15:] for line in head.split("\r\n") if line[:15] == "content-length:"]
            body = await self.reader.readexactly(int(lengths[0]) if lengths else 0)
        return Reply(int(head.split()[1]), body, head)


async def sent(port: int, *pieces: bytes) -> Reply:
    """Send a request on a connection of its own; its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        line = Line(reader, writer)
        await line.say(*pieces)
        return await line.answer()
    finally:
        writer.close()


async def sdrtrunk(
    port: int,
    fields: Mapping[str, str],
    audio: bytes | None,
    path: str = UPLOAD,
    file: str = RDIO_FILE,
    *,
    http2: bool = True,
) -> Reply:
    """Send a form as SDRTrunk does."""
    body = sdrtrunk_form(fields, file, audio)
    return await sent(port, sdrtrunk_head(path, port, len(body), http2=http2), body)


async def trunk_recorder(
    port: int,
    fields: Mapping[str, str],
    audio: bytes,
    path: str = UPLOAD,
    name: str = "audio",
    filename: str = "54241-1772366400_851012500.0-call_7.wav",
) -> Reply:
    """Send a form as trunk-recorder does."""
    body = curl_form(name, filename, audio, fields)
    return await sent(port, curl_head(path, port, len(body)), body)


def without(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    """The fields but for some."""
    return {name: value for name, value in fields.items() if name not in names}


def _head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode()


def with_key(fields: Mapping[str, str], key: str) -> dict[str, str]:
    """The fields with another key."""
    return {name: key if name in ("key", "api_key") else value for name, value in fields.items()}


def names(rows: Iterable[Mapping[str, object]], name: str) -> list[object]:
    """One value of each row."""
    return [row.get(name) for row in rows]
