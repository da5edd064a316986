"""A model of more layers from one of fewer."""

import numpy as np
import pytest

from services.transcriber.demo_model.recipe.depth import deepened
from services.transcriber.demo_model.recipe.model_file import Arrays

PARTS = ("self_attention/linear_0/weight", "self_attention/linear_1/weight", "ffn/linear_1/bias")
OTHERS = ("encoder/layer_norm/gamma", "decoder/layer_0/ffn/linear_1/bias")


def shallow(layers: int) -> Arrays:
    found = {
        f"encoder/layer_{n}/{part}": np.full(2, n + 1.0) for n in range(layers) for part in PARTS
    }
    return found | {name: np.full(2, 9.0) for name in OTHERS}


def firsts(weights: Arrays, part: str) -> list[float]:
    count = sum(name.endswith(part) and name.startswith("encoder/") for name in weights)
    return [float(weights[f"encoder/layer_{n}/{part}"][0]) for n in range(count)]


def test_the_last_layers_are_followed_by_copies_that_add_nothing():
    deep = deepened(shallow(3), 5)
    assert firsts(deep, PARTS[0]) == [1, 2, 2, 3, 3]
    assert firsts(deep, PARTS[1]) == firsts(deep, PARTS[2]) == [1, 2, 0, 3, 0]
    assert [float(deep[name][0]) for name in OTHERS] == [9, 9]
    assert len(deep) == 5 * len(PARTS) + len(OTHERS)


def test_a_model_that_has_them_stays_as_it_is():
    assert deepened(shallow(3), 3).keys() == shallow(3).keys()


@pytest.mark.parametrize("layers", [2, 7])
def test_fewer_layers_or_more_than_twice_as_many_are_refused(layers: int):
    with pytest.raises(ValueError, match=f"3 layers cannot be made {layers}"):
        deepened(shallow(3), layers)
