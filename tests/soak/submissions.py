"""Messages to SUBMIT that are no submission, or one of what is not allowed."""

import base64
import json
import random
from collections.abc import Mapping
from pathlib import Path

from tests.soak import damaged
from tests.soak.damaged import Maker
from tests.soak.piece import Piece, Submission
from tests.support.audio_files import wav

_AUDIO = base64.b64encode(wav(1.0)).decode()


def makers(folder: Path) -> Mapping[str, Maker]:
    """By name; `folder` is for files."""
    found: dict[str, Maker] = {}
    for name, (payload, named) in _payloads().items():
        found[name] = _always(Submission(f"submit: {name}", payload, named))
    for key in _KEYS:
        found[f"key {key}"] = _always(
            Submission(f"submit: key {key[:40]}", _json(object=key), "object")
        )
    for token in ODD:
        found[f"subject {token}"] = _always(
            Submission(f"submit: subject {token!r:.20}", _json(audio=_AUDIO), "source", token=token)
        )
    return {
        **found,
        "noise": lambda chance: Submission("submit: noise", chance.randbytes(500)),
        "damaged JSON": _damaged,
        "damaged audio": _cut(damaged.whole(folder, "mp3")),
    }


def _always(piece: Piece) -> Maker:
    return lambda _: piece


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


ODD = ("a\x7fb", "S\u00fcd", "\x01", "x" * 100)
"""Parts of subjects that no name encodes to."""
_KEYS = (
    "../recordings/x/audio.wav",
    "inbox/../recordings/x/audio.wav",
    "inbox/..",
    "recordings/x/audio.wav",
    "/etc/passwd",
    "inbox//call.wav",
    "inbox/./call.wav",
    "inbox/%2e%2e/call.wav",
    "inbox\\..\\call.wav",
    "Inbox/call.wav",
    "inbox/a\x00b",
    "inbox/" + "x" * 600,
    "file:///etc/passwd",
    "",
)


def _payloads() -> Mapping[str, tuple[bytes, str]]:
    """The payload, and the field that the refusal names; none if the message is no submission."""
    return {
        "not JSON": (b"no JSON at all", ""),
        "empty": (b"", ""),
        "half a message": (_json(audio=_AUDIO)[:-20], ""),
        "a list": (b"[1, 2]", ""),
        "deep": (b'{"metadata":' + b"[" * 100_000, ""),
        "not UTF-8": (b'{"prompt": "\xff\xfe", "audio": ""}', ""),
        "unknown version": (_json(version=2, audio=_AUDIO), "version"),
        "version that is no number": (_json(version="x", audio=_AUDIO), "version"),
        "unknown field": (_json(sauce="county", audio=_AUDIO), "sauce"),
        "neither": (_json(), "audio"),
        "both": (_json(audio=_AUDIO, object="inbox/call.wav"), "audio"),
        "not base64": (_json(audio="!!!!"), "audio"),
        "no audio": (_json(audio=base64.b64encode(b"no audio at all").decode()), "audio"),
        "lane": (_json(audio=_AUDIO, lane="express"), "lane"),
        "source of another subject": (_json(audio=_AUDIO, source="county"), "source"),
        "metadata": (_json(audio=_AUDIO, metadata=[1]), "metadata"),
        "object that is not there": (_json(object="inbox/none.wav"), ""),
    }


def _damaged(chance: random.Random) -> Piece:
    payload = bytearray(_json(audio=_AUDIO, prompt="Birch Street", metadata={"unit": 7}))
    for _ in range(20):
        payload[chance.randrange(len(payload))] = chance.randrange(256)
    return Submission("submit: damaged JSON", bytes(payload), right="either")


def _cut(whole: bytes) -> Maker:
    def make(chance: random.Random) -> Piece:
        audio = base64.b64encode(whole[: chance.randrange(len(whole))]).decode()
        return Submission("submit: damaged audio", _json(audio=audio), right="either")

    return make
