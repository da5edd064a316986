"""The voices that the bundled model is taught by, and those that it is tested with."""

from pathlib import Path

import numpy as np
import pytest

from services.transcriber.demo_model.recipe import voices
from services.transcriber.demo_model.recipe.espeak import RATE, Espeak, Voice
from services.transcriber.demo_model.recipe.throat import FORMANTS, drawn_throat
from services.transcriber.libraries import library

NO_SOUND = {"name", "language", "gender"}


def lines(variant: str) -> set[str]:
    """What makes a variant sound as it does."""
    data = Path(library("espeakng_loader").get_data_path())
    text = (data / "voices" / "!v" / variant).read_text(errors="replace")
    said = [line.partition("//")[0].partition("#")[0].split() for line in text.splitlines()]
    return {" ".join(line) for line in said if line and line[0] not in NO_SOUND}


def test_the_evaluations_voices_are_not_those_of_training() -> None:
    assert not set(voices.UNSEEN) & set(voices.VARIANTS)
    random = np.random.default_rng(3)
    heard = {voices.training_voice(random).name.partition("+")[2] for _ in range(3000)}
    assert heard == {"", *voices.VARIANTS}
    heard = {voices.unseen_voice(random).name.partition("+")[2] for _ in range(1000)}
    assert heard == set(voices.UNSEEN)


def test_the_evaluations_voices_are_no_kin_of_those_of_training() -> None:
    known = {name: lines(name) for name in voices.VARIANTS}
    assert lines("iven") & lines("iven3")
    for name in voices.UNSEEN:
        own = lines(name)
        kin = [
            other
            for other, theirs in known.items()
            if own and len(own & theirs) > len(own | theirs) / 2
        ]
        assert not kin, name


def test_a_drawn_throat_is_its_own() -> None:
    speaker = Espeak(1)
    random = np.random.default_rng(4)
    drawn = [voices.drawn_voice(random) for _ in range(20)]
    assert len({voice.throat for voice in drawn}) == 20
    said = [speaker.say("copy that medic seven", voice) for voice in drawn]
    assert all(np.abs(one.samples).max() > 0.05 for one in said)
    plain = speaker.say("copy that", Voice("en-us", 160, 50)).samples
    deep, high = (
        speaker.say("copy that", Voice("en-us+drawn", 160, 50, f"pitch {pitch} {pitch}\n")).samples
        for pitch in (60, 200)
    )
    assert not np.array_equal(deep[: len(plain)], plain[: len(deep)])
    assert not np.array_equal(deep[: len(high)], high[: len(deep)])


def test_the_same_draw_is_the_same_throat() -> None:
    one, other = (drawn_throat(np.random.default_rng(5)) for _ in range(2))
    assert one == other
    assert one.count("formant ") == FORMANTS


def test_the_installed_voices_stay_as_they_are() -> None:
    Espeak(1).say("copy", voices.drawn_voice(np.random.default_rng(6)))
    data = Path(library("espeakng_loader").get_data_path())
    assert not (data / "voices" / "!v" / "drawn").exists()


def test_espeak_says_when_each_word_is_spoken() -> None:
    speaker = Espeak(1)
    text = "10-4 medic seven en route x-ray"
    for name in (*voices.ACCENTS, "en-us+m3"):
        spoken = speaker.say(text, Voice(name, 160, 50))
        assert len(spoken.words) == len(text.split())
        assert spoken.words[0][0] == 0.0
        assert spoken.words[-1][1] == pytest.approx(len(spoken.samples) / RATE)
        assert all(end - start > 0.1 for start, end in spoken.words), name


def test_a_voice_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="no voice 'en-nowhere'"):
        Espeak(1).say("copy", Voice("en-nowhere", 160, 50))
