"""Whether an answer to a piece is right."""

from shared.messages import Refused
from tests.soak.door import Answer
from tests.soak.piece import Submission, Upload, Wire

_PROBLEM = "application/problem+json"


def wrong(piece: Upload | Wire, answer: Answer) -> str | None:
    """What is wrong with it; None if nothing is."""
    match piece.right:
        case "silence":
            return None if answer.status in (0, 400) else f"answered {answer.status}"
        case "protocol":
            return None if 400 <= answer.status < 500 else f"answered {answer.status}"
        case "either" if answer.status == 202:
            return None
        case _:
            return _no_clear_refusal(piece, answer)


def unclear(piece: Submission, refusal: Refused) -> str | None:
    """What a refusal leaves unsaid, or says wrong; None if nothing."""
    if not (refusal.code and refusal.reason):
        return f"not explained: {refusal}"
    if piece.named and refusal.field != piece.named:
        return f"names {refusal.field!r} instead of {piece.named!r}: {refusal.reason}"
    return None


def _no_clear_refusal(piece: Upload | Wire, answer: Answer) -> str | None:
    fields = answer.fields
    if not 400 <= answer.status < 500:
        return f"answered {answer.status}: {answer.body[:200]!r}"
    if not answer.content_type.startswith(_PROBLEM) or fields.get("status") != answer.status:
        return f"no problem: {answer.content_type} {answer.body[:200]!r}"
    if not (fields.get("title") and fields.get("detail")):
        return f"not explained: {answer.body[:200]!r}"
    named = fields.get("field")
    expected = piece.named if isinstance(piece, Upload) else ""
    if not named or (expected and named != expected):
        return f"names {named!r} instead of {expected!r}"
    return None
