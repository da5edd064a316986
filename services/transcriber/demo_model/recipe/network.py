"""The Whisper architecture as functions over named weights, for training.

The names and layouts are those of CTranslate2's own file, so that weights are read from it and
written to it as they are.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from services.transcriber.demo_model.recipe.tensor import Tensor
from services.transcriber.libraries import library

_torch: Any = library("torch")
_ops: Any = library("torch.nn.functional")
WIDTH: Final = 128
HEADS: Final = 2
ENCODER_LAYERS: Final = 5
DECODER_LAYERS: Final = 2
BANDS: Final = 80
POSITIONS: Final = (1500, 448)
FIXED: Final = "encoder/position_encodings/encodings"
"""Sines; not trained."""
EMBEDDINGS: Final = "decoder/embeddings/weight"
MOMENTS: Final = 1501
"""Time stamps, which are the last tokens: one for each frame of the encoder, and the end."""
TIMES: Final = "times"
"""A linear layer that exists in training alone: from a moment's sines to its token's embedding.

Most moments are heard too seldom for 1,501 embeddings to be learned each by itself.
"""

_RIDGE: Final = 0.1

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Decoded:
    """What the decoder makes of a batch."""

    states: Tensor
    """Windows by tokens by WIDTH."""
    attention: Tensor
    """Windows by heads by tokens by the encoder's frames: where the last layer looked."""


def fresh(vocabulary: int, seed: int) -> Weights:
    """Weights to begin with."""
    _torch.manual_seed(seed)
    found: Weights = {FIXED: sines(POSITIONS[0])}
    for name, shape in shapes(vocabulary).items():
        if name.endswith("gamma"):
            found[name] = _torch.ones(shape)
        elif name.endswith(("beta", "bias")):
            found[name] = _torch.zeros(shape)
        elif "position" in name or "embeddings" in name:
            found[name] = _torch.randn(shape) * 0.05
        else:
            found[name] = _torch.nn.init.xavier_uniform_(_torch.empty(shape))
    return found


def shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Every trained weight's shape."""
    found: dict[str, tuple[int, ...]] = {
        "encoder/conv1/weight": (WIDTH, BANDS, 3),
        "encoder/conv1/bias": (WIDTH,),
        "encoder/conv2/weight": (WIDTH, WIDTH, 3),
        "encoder/conv2/bias": (WIDTH,),
        EMBEDDINGS: (vocabulary, WIDTH),
        "decoder/position_encodings/encodings": (POSITIONS[1], WIDTH),
    }
    for part, layers in (("encoder", ENCODER_LAYERS), ("decoder", DECODER_LAYERS)):
        found |= _norm(f"{part}/layer_norm")
        for layer in range(layers):
            name = f"{part}/layer_{layer}"
            found |= _linears(f"{name}/self_attention", (3 * WIDTH, WIDTH), WIDTH)
            if part == "decoder":
                found |= _linears(f"{name}/attention", (WIDTH, 2 * WIDTH, WIDTH), WIDTH)
            found |= _norm(f"{name}/ffn/layer_norm")
            found |= _linear(f"{name}/ffn/linear_0", 4 * WIDTH, WIDTH)
            found |= _linear(f"{name}/ffn/linear_1", WIDTH, 4 * WIDTH)
    return found | _linear(TIMES, WIDTH, WIDTH)


def with_times(weights: Weights) -> Weights:
    """The weights as the architecture has them: with embeddings for the time stamps."""
    times = _line(weights, TIMES, _moments())
    words = weights[EMBEDDINGS][:-MOMENTS]
    found = {name: weight for name, weight in weights.items() if not name.startswith(TIMES)}
    return found | {EMBEDDINGS: _torch.cat([words, times])}


def times_of(weights: Weights) -> Weights:
    """The layer that makes a model's embeddings of the time stamps, as near as one can."""
    moments = _torch.cat([_moments(), _torch.ones(MOMENTS, 1)], 1)
    known = weights[EMBEDDINGS][-MOMENTS:]
    # The slowest sines hardly differ; without a bound on the layer they would take up the rounding.
    square = moments.T @ moments + _RIDGE * _torch.eye(WIDTH + 1)
    found = _torch.linalg.solve(square, moments.T @ known).T
    return {f"{TIMES}/weight": found[:, :-1].contiguous(), f"{TIMES}/bias": found[:, -1].clone()}


def encode(weights: Weights, features: Tensor) -> Tensor:
    """Windows by frames by bands, into windows by half as many frames by WIDTH."""
    x = features.transpose(1, 2)
    for name, stride in (("encoder/conv1", 1), ("encoder/conv2", 2)):
        x = _ops.conv1d(x, weights[f"{name}/weight"], weights[f"{name}/bias"], stride, 1)
        x = _ops.gelu(x)
    x = x.transpose(1, 2)
    x = x + weights[FIXED][: x.shape[1]]
    for layer in range(ENCODER_LAYERS):
        name = f"encoder/layer_{layer}"
        x = x + _self_attention(weights, f"{name}/self_attention", x, causal=False)
        x = x + _feed_forward(weights, f"{name}/ffn", x)
    return _normalized(weights, "encoder/layer_norm", x)


def decode(weights: Weights, encoded: Tensor, tokens: Tensor) -> Decoded:
    """What is known at each token."""
    places = weights["decoder/position_encodings/encodings"][: tokens.shape[1]]
    x = _ops.embedding(tokens, weights[EMBEDDINGS]) + places
    attention = x
    for layer in range(DECODER_LAYERS):
        name = f"decoder/layer_{layer}"
        x = x + _self_attention(weights, f"{name}/self_attention", x, causal=True)
        heard, attention = _cross_attention(weights, f"{name}/attention", x, encoded)
        x = x + heard
        x = x + _feed_forward(weights, f"{name}/ffn", x)
    return Decoded(_normalized(weights, "decoder/layer_norm", x), attention)


def logits(weights: Weights, states: Tensor) -> Tensor:
    """How likely each token is to follow."""
    return _ops.linear(states, weights[EMBEDDINGS])


def sines(count: int) -> Tensor:
    """The encoder's positions, as Whisper has them."""
    half = WIDTH // 2
    rates = np.exp(-np.log(10_000) / (half - 1) * np.arange(half))
    angles = np.arange(count)[:, None] * rates
    return _torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], 1)).float()


@cache
def _moments() -> Tensor:
    return sines(MOMENTS)


def _self_attention(weights: Weights, name: str, x: Tensor, *, causal: bool) -> Tensor:
    x = _normalized(weights, f"{name}/layer_norm", x)
    q, k, v = (_heads(part) for part in _line(weights, f"{name}/linear_0", x).chunk(3, -1))
    if causal:
        heard = _ops.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        # PyTorch's own is up to three times slower on a CPU.
        heard = _torch.softmax((q * (WIDTH // HEADS) ** -0.5) @ k.transpose(2, 3), -1) @ v
    return _line(weights, f"{name}/linear_1", _together(heard))


def _cross_attention(
    weights: Weights, name: str, x: Tensor, encoded: Tensor
) -> tuple[Tensor, Tensor]:
    x = _normalized(weights, f"{name}/layer_norm", x)
    q = _heads(_line(weights, f"{name}/linear_0", x))
    k, v = (_heads(part) for part in _line(weights, f"{name}/linear_1", encoded).chunk(2, -1))
    scores = (q @ k.transpose(2, 3)).float() * (WIDTH // HEADS) ** -0.5
    attention = _torch.softmax(scores, -1)
    return _line(weights, f"{name}/linear_2", _together(attention.to(v.dtype) @ v)), attention


def _feed_forward(weights: Weights, name: str, x: Tensor) -> Tensor:
    x = _normalized(weights, f"{name}/layer_norm", x)
    x = _ops.gelu(_line(weights, f"{name}/linear_0", x))
    return _line(weights, f"{name}/linear_1", x)


def _heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def _together(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def _line(weights: Weights, name: str, x: Tensor) -> Tensor:
    return _ops.linear(x, weights[f"{name}/weight"], weights[f"{name}/bias"])


def _normalized(weights: Weights, name: str, x: Tensor) -> Tensor:
    return _ops.layer_norm(x, (WIDTH,), weights[f"{name}/gamma"], weights[f"{name}/beta"])


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/weight": (outputs, inputs), f"{name}/bias": (outputs,)}


def _linears(name: str, outputs: tuple[int, ...], inputs: int) -> dict[str, tuple[int, ...]]:
    found = _norm(f"{name}/layer_norm")
    for number, size in enumerate(outputs):
        found |= _linear(f"{name}/linear_{number}", size, inputs)
    return found


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}/gamma": (WIDTH,), f"{name}/beta": (WIDTH,)}
