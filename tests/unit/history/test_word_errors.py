"""Word error rates of what models made against what people corrected."""

from services.stream.history.query import Wanted
from services.stream.word_errors import WordErrorRate, rates
from shared.keys import Limit
from tests.support.history import BY_HAND, filled, recording, stored, version


def test_models_are_compared_with_hands() -> None:
    db = filled(
        stored(
            recording(1),
            version(1, "Engine heaven respond", model="small"),
            version(2, "engine seven, respond!", model="large"),
            version(3, "Engine seven respond.", correction=BY_HAND),
        ),
        stored(
            recording(2),
            version(1, "copy that that", model="small"),
            version(2, "copy that", correction=BY_HAND),
            version(3, "cop it", model="small", prompt="Birch"),
        ),
        stored(recording(3, "city"), version(1, "noise"), version(2, "", correction=BY_HAND)),
        stored(recording(4), version(1, "never corrected", model="small")),
    )
    found = rates(db, Wanted())
    assert (found.compared, found.cut) == (5, False)

    def rate(source: str, model: str, prompt: str | None, *numbers: float | None) -> WordErrorRate:
        recordings, words, substitutions, deletions, insertions, wer = numbers
        return WordErrorRate(
            source=source,
            channel="fire",
            model=model,
            prompt=prompt,
            recordings=int(recordings or 0),
            words=int(words or 0),
            substitutions=int(substitutions or 0),
            deletions=int(deletions or 0),
            insertions=int(insertions or 0),
            wer=wer,
        )

    assert found.rates == [
        rate("city", "demo", None, 1, 0, 0, 0, 1, None),
        rate("county", "large", None, 1, 3, 0, 0, 0, 0.0),
        rate("county", "small", None, 2, 5, 1, 0, 1, 0.4),
        rate("county", "small", "Birch", 1, 2, 2, 0, 0, 1.0),
    ]
    limited = rates(db, Wanted(limits=(Limit(source="city"),)))
    assert [each.source for each in limited.rates] == ["city"]
    assert not rates(db, Wanted(sources=frozenset({"nobody"}))).rates
