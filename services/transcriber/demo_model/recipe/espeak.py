"""espeak-ng in this process: speech with the time of every word.

PyPI's `espeakng-loader` carries its library and data. Its C interface is `speak_lib.h`.
"""

import atexit
import ctypes
import shutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
SPOKEN: Final = {"10-4": "ten four"}
"""Written words that are spoken otherwise."""
_RETRIEVAL: Final = 1
_UTF8: Final = 1
_SPEED, _PITCH, _RANGE = 1, 3, 4
_WORD: Final = 1
_END: Final = 0
_AUDIBLE: Final = 0.01

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """How a sentence is spoken."""

    name: str
    """espeak-ng's name: language, accent and variant."""
    speed: int
    """Words a minute."""
    pitch: int
    """0 to 99."""
    throat: str = ""
    """A variant's file, for a name that ends in `+drawn`; see throat.py."""


DRAWN: Final = "drawn"
"""The variant that `throat` describes."""


@dataclass(frozen=True)
class Spoken:
    """Speech without silence at its ends."""

    samples: Samples
    words: list[tuple[float, float]]
    """Start and end of each written word, in seconds."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class Espeak:
    """The synthesiser; only the latest of a process may speak: the library's state is global."""

    def __init__(self, seed: int) -> None:
        self._library, self._rate, self._variants = _library()
        # Breath and flutter are drawn too.
        self._library.espeak_ng_SetRandSeed(seed)
        self._heard: list[Samples] = []
        self._starts: list[tuple[int, float]] = []
        prototype = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event)
        )
        # The library keeps only the address: the object must outlive every call.
        self._callback = prototype(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, voice: Voice) -> Spoken:
        """Speak a sentence; raises ValueError if there is no such voice."""
        self._heard, self._starts = [], []
        if voice.throat:
            (self._variants / DRAWN).write_text(voice.throat)
        if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice.name!r}")
        self._library.espeak_SetParameter(_SPEED, voice.speed, 0)
        self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        said = [SPOKEN.get(word, word) for word in text.split()]
        data = " ".join(said).encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = _resample(np.concatenate(self._heard), self._rate)
        loud = np.flatnonzero(np.abs(samples) > _AUDIBLE)
        first, last = int(loud[0]), int(loud[-1]) + 1
        starts = _word_starts(said, self._starts)
        edges = np.clip(np.array([*starts, len(samples) / RATE]) - first / RATE, 0, None)
        edges = np.minimum(edges, (last - first) / RATE)
        edges[0], edges[-1] = 0.0, (last - first) / RATE
        times = [(float(a), float(b)) for a, b in pairwise(edges)]
        return Spoken(samples[first:last], times)

    def _hear(self, address: int | None, count: int, events: Any) -> int:  # noqa: ANN401 - a C pointer
        if address and count > 0:
            block = np.frombuffer(ctypes.string_at(address, 2 * count), np.int16)
            self._heard.append((block / 32_768).astype(np.float32))
        number = 0
        while (event := events[number]).type != _END:
            if event.type == _WORD:
                self._starts.append((event.text_position - 1, event.audio_position / 1000))
            number += 1
        return 0


@cache
def _library() -> tuple[Any, int, Path]:
    """The library, its rate, and where it looks for variants; to begin twice would hang it."""
    loader: Any = import_module("espeakng_loader")
    library: Any = ctypes.CDLL(loader.get_library_path())
    data = _own_data(Path(loader.get_data_path()))
    rate = int(library.espeak_Initialize(_RETRIEVAL, 0, str(data).encode(), 0))
    if rate <= 0:
        raise RuntimeError("espeak-ng does not start")
    return library, rate, data / "voices" / "!v"


def _own_data(data: Path) -> Path:
    """The library's data with room for a variant of ours; the installed files stay as they are."""
    own = Path(mkdtemp(prefix="espeak-ng-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    for part in data.iterdir():
        if part.name != "voices":
            (own / part.name).symlink_to(part)
    shutil.copytree(data / "voices", own / "voices")
    return own


def _word_starts(said: list[str], events: list[tuple[int, float]]) -> list[float]:
    """When each word begins: its first event, or in the middle of its neighbors without one."""
    found: list[float] = []
    position = 0
    for word in said:
        times = [time for place, time in events if position <= place < position + len(word)]
        found.append(min(times) if times else -1.0)
        position += len(word) + 1
    known = [i for i, time in enumerate(found) if time >= 0]
    filled = np.interp(range(len(found)), known, [found[i] for i in known])
    return [float(time) for time in np.maximum.accumulate(filled)]


def _resample(audio: Samples, rate: int) -> Samples:
    length = round(len(audio) * RATE / rate)
    spectrum = np.fft.rfft(audio)[: length // 2 + 1]
    return (np.fft.irfft(spectrum, length) * (length / len(audio))).astype(np.float32)
