"""The plan of a version: the job's options, its channel's, the site's, the model's traits in one.

It is made once, by the worker that first starts the version, and frozen in the first `started`.
"""

import msgspec

from services.transcriber.model_folder import LONGEST_WINDOW, Traits
from shared.channels import THRESHOLDS, ChannelRecord
from shared.errors import NotSupported
from shared.guards import Guards
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings
from shared.settings_guards import GuardSettings


def make_plan(
    options: Options,
    settings: TranscriberSettings,
    model: str,
    traits: Traits,
    channel: ChannelRecord | None = None,
    guards: GuardSettings | None = None,
) -> Plan:
    """What the caller asked for, else its channel, else the site, else what the model wants.

    `channel`: what is known of the recording's; None for nothing. Raises NotSupported for a
    translation that the model was not trained for.
    """
    asked = with_channel(options, channel)
    language = asked.language or settings.whisper_language or _only(traits.languages)
    if asked.task == "translate" and language != "en" and not _translates(model, traits):
        raise NotSupported(f"the model {model} cannot translate: it was trained to transcribe only")
    return Plan(
        model=model,
        options=msgspec.structs.replace(
            asked,
            model=model,
            language=language,
            prompt=asked.prompt or settings.whisper_initial_prompt or None,
        ),
        longest_chunk=settings.longest_chunk or traits.longest_chunk,
        join_pauses=traits.join_pauses,
        shortest_pause=traits.shortest_pause,
        padding=traits.padding,
        window_margin=_window_margin(settings.window_margin, traits.window_margin),
        beam_size=settings.whisper_beam_size or traits.beam_size,
        window_step=traits.window_step,
        search_from=_own_if_negative(settings.search_from, traits.search_from),
        guards=make_guards(guards or GuardSettings(), channel),
    )


def with_channel(options: Options, channel: ChannelRecord | None) -> Options:
    """The options, and where they say nothing, what is said of the channel."""
    if channel is None:
        return options
    return msgspec.structs.replace(
        options,
        language=options.language or channel.language,
        prompt=options.prompt or channel.prompt,
        hotwords=options.hotwords or channel.expected,
    )


def make_guards(site: GuardSettings, channel: ChannelRecord | None) -> Guards:
    """The site's limits, and where something is said of the channel, that."""
    said = msgspec.structs.asdict(site)
    if channel is not None:
        own = {name: getattr(channel, name) for name in THRESHOLDS}
        said |= {name: value for name, value in own.items() if value is not None}
    return Guards(**said)


def _translates(model: str, traits: Traits) -> bool:
    if traits.translates is not None:
        return traits.translates
    # They give the words that were spoken, whatever they are asked for. A model of English alone
    # has nothing to translate.
    return model.endswith(".en") or not any(name in model for name in ("turbo", "distil"))


def _only(languages: list[str] | None) -> str | None:
    return languages[0] if languages is not None and len(languages) == 1 else None


def _own_if_negative(setting: float, trait: float) -> float:
    return trait if setting < 0 else setting


def _window_margin(setting: float, trait: float | None) -> float | None:
    if setting < 0:
        return trait
    return None if setting >= LONGEST_WINDOW else setting
