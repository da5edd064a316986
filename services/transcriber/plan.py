"""The plan of a version: the job's options, the site's settings and the model's traits in one.

It is made once, by the worker that first starts the version, and frozen in the first `started`.
"""

import msgspec

from services.transcriber.model_folder import LONGEST_WINDOW, Traits
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings


def make_plan(options: Options, settings: TranscriberSettings, model: str, traits: Traits) -> Plan:
    """What the caller asked for, else what the site says, else what the model wants."""
    return Plan(
        model=model,
        options=msgspec.structs.replace(
            options,
            model=model,
            language=options.language or settings.whisper_language or _only(traits.languages),
            prompt=options.prompt or settings.whisper_initial_prompt or None,
        ),
        longest_chunk=settings.longest_chunk or traits.longest_chunk,
        join_pauses=traits.join_pauses,
        shortest_pause=traits.shortest_pause,
        padding=traits.padding,
        window_margin=_window_margin(settings.window_margin, traits.window_margin),
        beam_size=settings.whisper_beam_size or traits.beam_size,
    )


def _only(languages: list[str] | None) -> str | None:
    return languages[0] if languages is not None and len(languages) == 1 else None


def _window_margin(setting: float, trait: float | None) -> float | None:
    if setting < 0:
        return trait
    return None if setting >= LONGEST_WINDOW else setting
