"""Make the bundled samples from `script.json`: run by hand, when the script changes.

    python deploy/local/samples/make_samples.py

espeak-ng speaks (in process, by ctypes: PyPI's `espeakng-loader` carries its library and data),
numpy makes a radio of it (band-pass, soft clipping, noise), PyAV writes Ogg/Opus. Everything that
is drawn is drawn from a fixed seed. `samples.json` lists what was made.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import av
import espeakng_loader  # pyright: ignore[reportMissingTypeStubs] - it ships no types
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE = 16_000
BIT_RATE = 24_000
BAND = (250.0, 3_600.0)
"""Hertz that a narrow-band FM radio lets through."""
SNR = 20.0
"""Decibels of speech over noise."""
PAUSE = (0.6, 1.5)
"""Seconds between two turns."""
MARGIN = 0.3
"""Seconds of noise alone before and after."""
SEED = 20_241_122
SOURCE = "demo-county"

Samples = NDArray[np.float32]


class Encoder(Protocol):
    """What we use of PyAV's audio stream, whose own types are partly unknown."""

    bit_rate: int

    def encode(self, frame: av.AudioFrame | None) -> list[object]:
        """The packets that are ready; with None, the last ones."""
        ...


class Muxer(Protocol):
    """What we use of PyAV's output container."""

    def add_stream(self, codec_name: str, rate: int, *, layout: str) -> Encoder:
        """Add a stream to the file."""
        ...

    def mux(self, packets: list[object]) -> None:
        """Write packets."""
        ...


class Voice(Struct, frozen=True):
    """How a sentence is spoken."""

    voice: str
    """espeak-ng's name: language, accent and variant."""
    speed: int
    """Words a minute."""
    pitch: int
    """0 to 99."""


class Take(Struct, frozen=True):
    """What is spoken in one sample."""

    name: str
    channel: str
    turns: list[tuple[str, str]]
    """Who says what."""


class Script(Struct, frozen=True):
    """What `script.json` holds."""

    voices: dict[str, Voice]
    samples: list[Take]


class Sample(Struct, frozen=True):
    """An entry of `samples.json`."""

    file: str
    source: str
    channel: str
    text: str
    duration: float
    """Seconds."""


class Speaker:
    """espeak-ng, in this process."""

    _RETRIEVAL = 1
    _UTF8 = 1
    _RATE, _PITCH = 1, 3

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = self._library.espeak_Initialize(self._RETRIEVAL, 0, data, 0)
        if self.rate <= 0:
            raise RuntimeError("espeak-ng does not start")
        # Breath and flutter are drawn too. One voice's state reaches into the next sentence, so
        # only a whole run repeats itself, not a single sentence.
        self._library.espeak_ng_SetRandSeed(SEED)
        self._heard: list[Samples] = []
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        # The library keeps only the address: the object must outlive every call.
        self._callback = prototype(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, voice: Voice) -> Samples:
        """The sentence at RATE samples a second, silence at both ends cut off."""
        self._heard = []
        if self._library.espeak_SetVoiceByName(voice.voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice.voice!r}")
        self._library.espeak_SetParameter(self._RATE, voice.speed, 0)
        self._library.espeak_SetParameter(self._PITCH, voice.pitch, 0)
        spoken = text.replace("10-4", "ten four").encode()
        self._library.espeak_Synth(spoken, len(spoken) + 1, 0, 0, 0, self._UTF8, None, None)
        self._library.espeak_Synchronize()
        return _trim(_resample(np.concatenate(self._heard), self.rate))

    def _hear(self, address: int | None, count: int, _: object) -> int:
        if address and count > 0:
            block = np.frombuffer(ctypes.string_at(address, 2 * count), np.int16)
            self._heard.append((block / 32_768).astype(np.float32))
        return 0


def _resample(audio: Samples, rate: int) -> Samples:
    length = round(len(audio) * RATE / rate)
    spectrum = np.fft.rfft(audio)[: length // 2 + 1]
    return (np.fft.irfft(spectrum, length) * (length / len(audio))).astype(np.float32)


def _trim(audio: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    return audio[loud[0] : loud[-1] + 1]


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def _band_pass(audio: Samples) -> Samples:
    spectrum = np.fft.rfft(audio)
    frequency = np.fft.rfftfreq(len(audio), 1 / RATE)
    low = 1 / (1 + (BAND[0] / np.maximum(frequency, 1.0)) ** 6)
    high = 1 / (1 + (frequency / BAND[1]) ** 12)
    return np.fft.irfft(spectrum * low * high, len(audio)).astype(np.float32)


def radio(audio: Samples, random: np.random.Generator) -> Samples:
    """The sound of a radio: band-pass, soft clipping, and noise SNR decibels under the speech."""
    speech = _band_pass(audio)
    level = float(np.sqrt(np.mean(speech[np.abs(audio) > 0.01] ** 2)))
    speech = np.tanh(speech / level / 4).astype(np.float32)
    loudness = float(np.sqrt(np.mean(speech[np.abs(audio) > 0.01] ** 2)))
    noise = _band_pass(random.standard_normal(len(audio)).astype(np.float32))
    noise *= loudness / 10 ** (SNR / 20) / float(np.sqrt(np.mean(noise**2)))
    return (0.5 * (speech + noise)).astype(np.float32)


def write(audio: Samples, path: Path) -> None:
    """Write Ogg/Opus."""
    pcm = (np.clip(audio, -1, 1) * 32_767).astype(np.int16)
    with av.open(str(path), "w", options={"fflags": "+bitexact", "serial_offset": "1"}) as out:
        muxer = cast(Muxer, out)
        stream = muxer.add_stream("libopus", 48_000, layout="mono")
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler("s16", "mono", 48_000, frame_size=960)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            muxer.mux(stream.encode(part))


def speak(
    take: Take, voices: dict[str, Voice], speaker: Speaker, random: np.random.Generator
) -> Samples:
    """The turns one after another, each in its voice, with pauses of PAUSE seconds between."""
    parts = [_silence(MARGIN)]
    for who, text in take.turns:
        if len(parts) > 1:
            parts.append(_silence(float(random.uniform(*PAUSE))))
        parts.append(speaker.say(text, voices[who]))
    return np.concatenate([*parts, _silence(MARGIN)])


def make(script: Script, folder: Path) -> Iterator[Sample]:
    """Write every sample into the folder."""
    speaker = Speaker()
    for number, take in enumerate(script.samples):
        random = np.random.default_rng([SEED, number])
        audio = speak(take, script.voices, speaker, random)
        file = f"{take.name}.ogg"
        write(radio(audio, random), folder / file)
        yield Sample(
            file=file,
            source=SOURCE,
            channel=take.channel,
            text=" ".join(text for _, text in take.turns),
            duration=round(len(audio) / RATE, 2),
        )


def main() -> None:
    """Write the samples and their list beside this script."""
    script = msgspec.json.decode((HERE / "script.json").read_bytes(), type=Script)
    samples = list(make(script, HERE))
    (HERE / "samples.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(samples), indent=2) + b"\n"
    )


if __name__ == "__main__":
    main()
