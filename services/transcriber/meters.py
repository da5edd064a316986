"""What a transcriber counts and measures."""

from shared.telemetry import meter

_audio = meter.create_counter("echobase.transcriber.audio", "s", "Audio transcribed")
_real_time_factor = meter.create_histogram(
    "echobase.transcriber.real_time_factor",
    "1",
    "Seconds of work for a second of audio, over a whole recording",
)


def completed(lane: str, model: str, audio: float, processing: float) -> None:
    """A recording of `audio` seconds was transcribed with `processing` seconds of work."""
    labels = {"echobase.lane": lane, "echobase.model": model}
    _audio.add(audio, labels)
    if audio:
        _real_time_factor.record(processing / audio, labels)
