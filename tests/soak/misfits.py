"""Requests that are wrong around their audio: fields, headers, forms, and what is no HTTP."""

import random
from collections.abc import Mapping

from tests.soak.damaged import Maker
from tests.soak.piece import Piece, Upload, Wire
from tests.support.audio_files import wav

_CALL = wav(1.0)
_EDGE = "edge"
_FORM = {"Content-Type": f"multipart/form-data; boundary={_EDGE}"}
_AUDIO_PART = ('name="file"; filename="call.wav"', _CALL)


def makers() -> Mapping[str, Maker]:
    """By name."""
    fixed: list[Piece] = [*_fields(), *_types(), *_forms(), *_lengths(), *_wires()]
    return {piece.kind: _always(piece) for piece in fixed} | {
        "field of noise": _noisy_field,
        "form of noise": _noisy_form,
        "noise on the wire": _noise,
    }


def _always(piece: Piece) -> Maker:
    return lambda _: piece


def _fields() -> list[Upload]:
    wrong: Mapping[str, str | bytes] = {
        "sauce": "county",
        "lane": "express",
        "start": "yesterday",
        "metadata": "[1]",
        "source": "a\tb",
        "channel": "x" * 129,
        "filename": "x" * 256,
        "words": "perhaps",
        "language": "../en",
        "model": "../../model;rm",
        "prompt": "x" * 1_001,
        "correlation_id": "\x00",
        "task": "sing",
    }
    return [
        Upload(f"bad {name}", _CALL, named=name, query={name: value})
        for name, value in wrong.items()
    ] + [
        Upload("source that is not UTF-8", _CALL, named="source", query={"source": b"a\xffb"}),
        Upload("channel that turns", _CALL, named="channel", query={"channel": "a\u202eb"}),
        Upload("model that nobody has", _CALL, "either", query={"model": "no-such-model"}),
        Upload("deep metadata", _CALL, named="metadata", query={"metadata": '{"a":' + "[" * 9_000}),
    ]


def _types() -> list[Upload]:
    types = ("application/json", "text/html", "application/x-www-form-urlencoded", "\xff/\xfe", "x")
    return [
        Upload(f"type {given}", _CALL, named="Content-Type", headers={"Content-Type": given})
        for given in (*types, "multipart/form-data", "multipart/form-data; boundary=")
    ] + [
        Upload(
            "compressed body",
            _CALL[:20],
            headers={"Content-Type": "audio/wav", "Content-Encoding": "gzip"},
        )
    ]


def form(*parts: tuple[str, bytes], end: bytes = b"--") -> bytes:
    """The body of a form: each part's Content-Disposition, and its content."""
    edge = f"--{_EDGE}".encode()
    whole = b"".join(
        edge
        + b"\r\nContent-Disposition: form-data; "
        + name.encode()
        + b"\r\n\r\n"
        + data
        + b"\r\n"
        for name, data in parts
    )
    return whole + edge + end + b"\r\n"


def _forms() -> list[Upload]:
    bodies: Mapping[str, tuple[bytes, str]] = {
        "no file": (form(('name="source"', b"county")), "file"),
        "two files": (form(_AUDIO_PART, _AUDIO_PART), "file"),
        "two sources": (form(('name="lane"', b"live"), ('name="lane"', b"live")), "lane"),
        "unknown part": (form(('name="sauce"', b"county"), _AUDIO_PART), "sauce"),
        "nameless part": (form(("x=y", b"county"), _AUDIO_PART), "body"),
        "giant field": (form(('name="prompt"', b"x" * 1_000_000), _AUDIO_PART), "prompt"),
        "field that is no text": (form(('name="prompt"', b"\xff\xfe"), _AUDIO_PART), "prompt"),
        "too many parts": (form(*((f'name="{n}"', b"x") for n in range(100))), "0"),
        "no end": (form(_AUDIO_PART, end=b""), "body"),
        "another boundary": (form(_AUDIO_PART).replace(_EDGE.encode(), b"ridge"), "body"),
        "endless part header": (form((f'name="{"x" * 50_000}"', b"x")), "body"),
        "audio as text": (form(('name="file"; filename="a.wav"', b"no audio at all")), "file"),
        "empty form": (b"", "body"),
    }
    return [
        Upload(f"form: {name}", body, named=named, headers=_FORM)
        for name, (body, named) in bodies.items()
    ]


def _lengths() -> list[Piece]:
    return [
        Upload("length of a terabyte", _CALL, length="1099511627776"),
        Upload("length that is no number", _CALL, "protocol", length="many"),
        Upload("negative length", _CALL, "protocol", length="-1"),
        Upload("length beyond the end", _CALL, "silence", length=str(len(_CALL) + 100)),
    ]


def _wires() -> list[Piece]:
    post = b"POST /v1/recordings HTTP/1.1\r\n"
    host = b"Host: localhost\r\n"
    chunked = post + host + b"Transfer-Encoding: chunked\r\n\r\n"
    long = post + host + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n"
    sent: list[tuple[str, bytes, bool]] = [
        ("two lengths", post + host + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", True),
        ("chunk of no size", chunked + b"zz\r\nabc\r\n0\r\n\r\n", True),
        ("no host", post + b"Content-Length: 0\r\n\r\n", True),
        ("endless header", long, True),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", True),
        ("unknown version", b"POST /v1/recordings HTTP/9.9\r\n" + host + b"\r\n", True),
        ("chunks that break off", chunked + b"100000\r\n" + _CALL[:1_000], False),
        ("head that breaks off", post + host, False),
        ("nothing at all", b"", False),
    ]
    return [
        Wire(kind, content, "protocol" if answered else "silence")
        for kind, content, answered in sent
    ]


def _noisy_field(chance: random.Random) -> Piece:
    name = "".join(chr(chance.randrange(0x20, 0x3000)) for _ in range(chance.randrange(1, 50)))
    return Upload("field of noise", _CALL, named="", query={name: "x"})


def _noisy_form(chance: random.Random) -> Piece:
    whole = bytearray(form(('name="source"', b"county"), _AUDIO_PART))
    head = whole.index(_CALL[:4])
    for _ in range(5):
        whole[chance.randrange(head)] = chance.randrange(256)
    return Upload("form of noise", bytes(whole), "either", named="", headers=_FORM)


def _noise(chance: random.Random) -> Piece:
    return Wire("noise on the wire", chance.randbytes(1_000) + b"\r\n\r\n", "protocol")
