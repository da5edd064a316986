"""A model with fewer layers in its encoder, as one with more."""

import re

import numpy as np

from services.transcriber.demo_model.recipe.model_file import Arrays

_LAYER = re.compile(r"encoder/layer_(\d+)/(.+)")


def deepened(weights: Arrays, layers: int) -> Arrays:
    """A model that has so many layers in its encoder, and does the same.

    Each of the last ones is followed by a copy that adds nothing yet, but will learn soon (Chen
    and others, "Net2Net", 2016). Raises ValueError for fewer layers, or more than twice as many.
    """
    count = len({found[1] for name in weights if (found := _LAYER.fullmatch(name))})
    more = layers - count
    if not 0 <= more <= count:
        raise ValueError(f"{count} layers cannot be made {layers}")
    deep = {name: weight for name, weight in weights.items() if not _LAYER.fullmatch(name)}
    for name, weight in weights.items():
        if found := _LAYER.fullmatch(name):
            layer, part = int(found[1]), found[2]
            copied = layer - (count - more)
            place = layer + max(0, copied)
            deep[f"encoder/layer_{place}/{part}"] = weight
            if copied >= 0:
                # What a layer adds comes out of these two, of its attention and of the rest.
                silent = "/linear_1/" in f"/{part}"
                deep[f"encoder/layer_{place + 1}/{part}"] = (
                    np.zeros_like(weight) if silent else weight.copy()
                )
    return deep
