"""A transcript as plain text, as subtitles (SubRip `srt`, WebVTT `vtt`) and as a table (`tsv`)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from shared.messages import Transcript, TranscriptSegment

SubtitleFormat = Literal["txt", "srt", "vtt", "tsv"]


def txt(transcript: Transcript) -> str:
    """One line for each segment."""
    return "".join(f"{text}\n" for _, text in _spoken(transcript))


def srt(transcript: Transcript) -> str:
    """SubRip: numbered cues, with a comma before the milliseconds."""
    return "".join(
        # A `-->` inside the text would read as another cue's times.
        f"{number}\n{cue_times(segment, ',')}\n{text.replace('-->', '->')}\n\n"
        for number, (segment, text) in enumerate(_spoken(transcript), start=1)
    )


def vtt(transcript: Transcript) -> str:
    """WebVTT, with the text escaped."""
    cues = "".join(
        f"\n{cue_times(segment, '.')}\n{_escaped(text)}\n" for segment, text in _spoken(transcript)
    )
    return f"WEBVTT\n{cues}"


def tsv(transcript: Transcript) -> str:
    """Whisper's own form: a line with names, then start and end in milliseconds, and the text."""
    lines = (
        f"{round(segment.start * 1000)}\t{round(segment.end * 1000)}\t{text}\n"
        for segment, text in _spoken(transcript)
    )
    return f"start\tend\ttext\n{''.join(lines)}"


WRITERS: Mapping[SubtitleFormat, Callable[[Transcript], str]] = {
    "txt": txt,
    "srt": srt,
    "vtt": vtt,
    "tsv": tsv,
}
"""How each format is written."""


def timestamp(milliseconds: int, point: str) -> str:
    """`HH:MM:SS<point>mmm`; the hours grow beyond two digits where they must."""
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"


def cue_times(segment: TranscriptSegment, point: str) -> str:
    """When a cue is shown; at least a millisecond, since players drop a cue that lasts none."""
    start = round(segment.start * 1000)
    end = max(round(segment.end * 1000), start + 1)
    return f"{timestamp(start, point)} --> {timestamp(end, point)}"


def _spoken(transcript: Transcript) -> Iterator[tuple[TranscriptSegment, str]]:
    # An empty line would end a cue early, so that all white space becomes single spaces.
    for segment in transcript.segments:
        if text := " ".join(segment.text.split()):
            yield segment, text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
