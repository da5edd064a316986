"""What may be published at all."""

import pytest

from shared.bus import Message


@pytest.mark.parametrize(
    "subject", ["", "a.*", "a.>", "a..b", ".a", "a.", "a b", "a\r\nPUB b 1", "a*", ">"]
)
def test_a_subject_with_wildcards_gaps_or_spaces_is_a_mistake(subject: str) -> None:
    with pytest.raises(ValueError, match="not a subject"):
        Message(subject, b"")


def test_any_other_subject_is_fine() -> None:
    assert Message("echobase.events.Großstadt.x_y-z", b"").subject.startswith("echobase")
