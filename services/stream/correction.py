"""A correction by hand: what a transcript becomes by it. Pure."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

from shared.errors import BadInput
from shared.messages import (
    Correction,
    SegmentCorrection,
    Transcript,
    TranscriptSegment,
    VersionRequest,
    Word,
)

FIELD = "segments"
_SURE = 1.0
"""The confidence of what somebody heard."""


def correct(base: Transcript, request: VersionRequest) -> Transcript:
    """The transcript of a version that corrects another one.

    Segments that were left alone stay as they are; of one that was changed the words that are the
    same keep their times, and new ones share what lies between. Raises BadInput.
    """
    correction = request.correction or Correction(base=base.version, segments=[], key="")
    segments = _segments(base, correction.segments)
    return msgspec.structs.replace(
        base,
        version=request.version,
        created=request.requested,
        text=" ".join(segment.text for segment in segments),
        segments=segments,
    )


def _segments(
    base: Transcript, corrections: Sequence[SegmentCorrection]
) -> list[TranscriptSegment]:
    kept = {segment.index: segment for segment in base.segments}
    added: list[TranscriptSegment] = []
    changed: set[int] = set()
    for each in corrections:
        text = " ".join(each.text.split())
        if each.index is None:
            added += [_new(base, each, text)] if text else []
            continue
        if each.index not in kept or each.index in changed:
            raise _refusal(f"there is no segment {each.index}, or it is named twice", base)
        changed.add(each.index)
        if text:
            kept[each.index] = _changed(base, kept[each.index], each, text)
        else:
            del kept[each.index]
    found = sorted([*kept.values(), *added], key=lambda each: (each.start, each.end))
    return [msgspec.structs.replace(each, index=at) for at, each in enumerate(found)]


def _new(base: Transcript, each: SegmentCorrection, text: str) -> TranscriptSegment:
    if each.start is None or each.end is None:
        raise _refusal("a segment without `index` is a new one, and needs `start` and `end`", base)
    _check(base, each.start, each.end)
    return TranscriptSegment(index=0, start=each.start, end=each.end, text=text, confidence=_SURE)


def _changed(
    base: Transcript, was: TranscriptSegment, each: SegmentCorrection, text: str
) -> TranscriptSegment:
    start = was.start if each.start is None else each.start
    end = was.end if each.end is None else each.end
    if (start, end) != (was.start, was.end):
        _check(base, start, end)
    elif text == was.text:
        return was
    words = list(_words(was.words, text.split())) if was.words else []
    return TranscriptSegment(
        index=0, start=start, end=end, text=text, confidence=_SURE, words=words
    )


def _check(base: Transcript, start: float, end: float) -> None:
    if not start <= end <= base.duration + 1.0:
        raise _refusal(f"{start:g} to {end:g} s is no time of the recording", base)


def _refusal(what: str, base: Transcript) -> BadInput:
    limit = f"{len(base.segments)} segments from 0, {base.duration:g} s"
    return BadInput(what, field=FIELD, limit=limit)


def _words(was: Sequence[Word], now: Sequence[str]) -> Iterator[Word]:
    """The words of a changed segment, with times."""
    matcher = SequenceMatcher(None, [_bare(w.text) for w in was], [_bare(w) for w in now], False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind == "equal":
            for old, new in zip(was[a:a_end], now[b:b_end], strict=True):
                yield msgspec.structs.replace(old, text=new)
            continue
        begin = was[a].start if a < a_end else (was[a - 1].end if a else was[0].start)
        end = was[a_end - 1].end if a < a_end else (was[a].start if a < len(was) else was[-1].end)
        each = max(0.0, end - begin) / max(1, b_end - b)
        for at, new in enumerate(now[b:b_end]):
            start = round(begin + at * each, 3)
            yield Word(start, round(begin + (at + 1) * each, 3), new, _SURE)


def _bare(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum()) or word
