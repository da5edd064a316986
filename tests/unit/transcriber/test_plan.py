"""What the job, the site and the model say, in one plan."""

import msgspec
import pytest

from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from shared.channels import ChannelRecord
from shared.errors import NotSupported
from shared.messages import Options
from shared.settings import TranscriberSettings
from tests.support.channels import FIRE

DEMO = Traits(longest_chunk=8, window_margin=0.4, beam_size=1, languages=["en"])


def test_the_model_says_how_it_is_fed() -> None:
    plan = make_plan(Options(), TranscriberSettings(), "demo", DEMO)
    assert (plan.longest_chunk, plan.window_margin, plan.beam_size) == (8, 0.4, 1)
    assert plan.options == Options(model="demo", language="en")


def test_the_site_overrules_the_model() -> None:
    site = TranscriberSettings(
        longest_chunk=20, window_margin=1.0, whisper_beam_size=3, whisper_initial_prompt="10-4"
    )
    plan = make_plan(Options(), site, "demo", DEMO)
    assert (plan.longest_chunk, plan.window_margin, plan.beam_size) == (20, 1.0, 3)
    assert plan.options.prompt == "10-4"


def test_the_job_overrules_the_site() -> None:
    site = TranscriberSettings(whisper_language="en", whisper_initial_prompt="site")
    plan = make_plan(Options(language="de", prompt="job"), site, "large-v3", Traits())
    assert (plan.options.language, plan.options.prompt) == ("de", "job")


@pytest.mark.parametrize(
    ("setting", "trait", "searched"), [(-1, 0, 0), (-1, 8, 8), (0, 8, 0), (4, 8, 4)]
)
def test_from_which_length_speech_is_searched(
    setting: float, trait: float, searched: float
) -> None:
    site = TranscriberSettings(search_from=setting)
    assert make_plan(Options(), site, "m", Traits(search_from=trait)).search_from == searched


@pytest.mark.parametrize(
    ("setting", "trait", "margin"),
    [(-1, None, None), (-1, 0.4, 0.4), (30, 0.4, None), (0, 0.4, 0), (2, None, 2)],
)
def test_window_margin(setting: float, trait: float | None, margin: float | None) -> None:
    site = TranscriberSettings(window_margin=setting)
    assert make_plan(Options(), site, "m", Traits(window_margin=trait)).window_margin == margin


def test_a_language_is_detected_where_the_model_knows_several() -> None:
    plan = make_plan(Options(), TranscriberSettings(), "m", Traits(languages=["en", "de"]))
    assert plan.options.language is None


def test_the_channel_overrules_the_site_and_the_job_the_channel() -> None:
    site = TranscriberSettings(whisper_language="de", whisper_initial_prompt="site")
    plan = make_plan(Options(words=True), site, "large-v3", Traits(), FIRE)
    assert plan.options == Options(
        model="large-v3",
        language="en",
        prompt="Engine 4, Medic 2.",
        hotwords="Engine 4, Birch Street",
        words=True,
    )
    asked = Options(language="fr", prompt="job", hotwords="job's")
    plan = make_plan(asked, site, "large-v3", Traits(), FIRE)
    assert plan.options == msgspec.structs.replace(asked, model="large-v3")


def test_a_channel_of_which_nothing_is_said_changes_nothing() -> None:
    bare = ChannelRecord(source="county", channel="fire", label="FD")
    for options in (Options(), Options(prompt="job", hotwords="job's")):
        plan = make_plan(options, TranscriberSettings(), "demo", DEMO)
        assert make_plan(options, TranscriberSettings(), "demo", DEMO, bare) == plan


@pytest.mark.parametrize("model", ["large-v3-turbo", "turbo", "distil-large-v3", "owner/my-turbo"])
def test_a_model_that_cannot_translate_says_so(model: str) -> None:
    asked = Options(task="translate", language="de")
    with pytest.raises(NotSupported, match="cannot translate"):
        make_plan(asked, TranscriberSettings(), model, Traits())
    with pytest.raises(NotSupported, match="cannot translate"):
        make_plan(Options(task="translate"), TranscriberSettings(), model, Traits())
    assert make_plan(Options(), TranscriberSettings(), model, Traits())


@pytest.mark.parametrize(
    ("model", "traits", "language"),
    [
        ("large-v3", Traits(), "de"),
        ("turbo", Traits(translates=True), "de"),
        ("turbo", Traits(), "en"),
        ("distil-medium.en", Traits(), None),
        ("demo", DEMO, None),
    ],
)
def test_what_can_be_translated_is(model: str, traits: Traits, language: str | None) -> None:
    asked = Options(task="translate", language=language)
    assert make_plan(asked, TranscriberSettings(), model, traits).options.task == "translate"
