"""A bank of a few spoken sentences, for the parts that put windows together from one."""

from functools import cache

import numpy as np

from services.transcriber.demo_model.recipe import mel
from services.transcriber.demo_model.recipe.bank import Bank, Clip
from services.transcriber.demo_model.recipe.espeak import Espeak, Voice
from services.transcriber.demo_model.recipe.textures import TEXTURES

SENTENCES = ("engine three on scene", "10-4", "we need backup at oak and x-ray", "copy that roger")


@cache
def small_bank() -> Bank:
    """The sentences in one voice, and two clips of each texture."""
    speaker = Espeak(1)
    random = np.random.default_rng(1)
    clips: list[Clip] = []
    spectra: list[mel.Power] = []
    first = 0
    for text in SENTENCES:
        spoken = speaker.say(text, Voice("en-us", 160, 50))
        found = mel.power(spoken.samples)
        clips.append(Clip(text, first, len(found), spoken.words))
        spectra.append(found)
        first += len(found)
    sounds = [mel.power(texture(random, 31.0)) for texture in TEXTURES for _ in range(2)]
    return Bank(clips, [np.concatenate(spectra)], np.stack(sounds))
