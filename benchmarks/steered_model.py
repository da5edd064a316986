"""Models of Whisper's sizes with random weights, for measuring speed where no real ones can be had.

Every layer computes as in a real model of that size, over a vocabulary of Whisper's length; but the
decoder's positions point at the words to say, so that whatever it hears it says the same few words
and ends: every way of running it decodes the same number of tokens, and none has to try again.
"""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DEMO = Path(__file__).parent.parent / "services/transcriber/demo_model"
WORDS: Final = "engine three respond to structure fire at four one two oak street on scene copy"
_LANGUAGES: Final = 99
_TIMES: Final = 1501
_TEXTS: Final = 50_257
"""Tokens of text, as Whisper has them."""
_PROMPT: Final = 3
"""Tokens of the prompt before the first one said: start, language, task."""
_POSITIONS: Final = (1500, 448)
_STEERING: Final = 30.0
_BANDS: Final = 80
Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Size:
    """How large a model is."""

    name: str
    width: int
    heads: int
    layers: int


SIZES: Final = {size.name: size for size in (Size("tiny", 384, 6, 4), Size("base", 512, 8, 6))}


def make(size: Size, folder: Path, tokens: int = 24) -> Path:
    """A model's folder below `folder`, made unless it is there; it says so many tokens."""
    target = folder / f"{size.name}-{tokens}"
    if not (target / "done").exists():
        target.mkdir(parents=True, exist_ok=True)
        _write(size, target, tokens)
        (target / "done").touch()
    return target


def _write(size: Size, target: Path, tokens: int) -> None:
    tokenizer = json.loads((DEMO / "tokenizer.json").read_text())
    texts, specials = _vocabulary(tokenizer)
    (target / "tokenizer.json").write_text(json.dumps(tokenizer))
    specs: Any = import_module("ctranslate2.specs")
    spec: Any = specs.WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    random = np.random.default_rng(1)
    _fill_encoder(spec.encoder, size, random)
    _fill_decoder(spec.decoder, size, random, _said(texts, len(texts), tokens))
    spec.register_vocabulary([*texts, *specials])
    first = len(texts) + 2
    spec.config.lang_ids = list(range(first, first + _LANGUAGES))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [texts.index("Ġ"), len(texts)]
    spec.config.alignment_heads = [(size.layers - 1, head) for head in range(size.heads)]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(target))


def _vocabulary(tokenizer: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401 - a JSON document
    """Texts and special tokens, both put into the tokenizer."""
    known: dict[str, int] = tokenizer["model"]["vocab"]
    texts = sorted(known, key=lambda text: known[text])
    texts += [f"Ġunused{number}" for number in range(_TEXTS - 1 - len(texts))]
    texts.append("")
    tokenizer["model"]["vocab"] = {text: i for i, text in enumerate(texts)}
    codes: Any = import_module("faster_whisper.tokenizer")._LANGUAGE_CODES  # noqa: SLF001 - its own
    languages = list(codes)[:_LANGUAGES]
    names = ["endoftext", "startoftranscript", *languages, "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    names += [f"{number * 0.02:.2f}" for number in range(_TIMES)]
    specials = [f"<|{name}|>" for name in names]
    like = dict(tokenizer["added_tokens"][0])
    tokenizer["added_tokens"] = [
        like | {"id": len(texts) + i, "content": text} for i, text in enumerate(specials)
    ]
    return texts, specials


def _said(texts: list[str], end: int, tokens: int) -> list[int]:
    """The tokens said: a time, words, a time; then the end."""
    times = end + 2 + _LANGUAGES + 6
    words = [texts.index(f"Ġ{word}") for word in WORDS.split() if f"Ġ{word}" in texts]
    return [times, *(words[i % len(words)] for i in range(tokens - 2)), times + 100, end]


def _fill_encoder(spec: Any, size: Size, random: np.random.Generator) -> None:  # noqa: ANN401
    width = size.width
    for conv, channels in ((spec.conv1, _BANDS), (spec.conv2, width)):
        conv.weight = _random(random, width, channels, 3)
        conv.bias = np.zeros(width, np.float32)
    spec.position_encodings.encodings = _random(random, _POSITIONS[0], width)
    _fill_norm(spec.layer_norm, width)
    for layer in spec.layer:
        _fill_attention(layer.self_attention, width, random, [3 * width, width])
        _fill_feed_forward(layer.ffn, width, random)


def _fill_decoder(
    spec: Any,  # noqa: ANN401 - CTranslate2's specifications have no types
    size: Size,
    random: np.random.Generator,
    said: list[int],
) -> None:
    width = size.width
    total = _TEXTS + 2 + _LANGUAGES + 6 + _TIMES
    spec.embeddings.weight = _random(random, total, width)
    directions = random.normal(0, 1, (total, width)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spec.projection.weight = directions
    positions = _random(random, _POSITIONS[1], width)
    positions[_PROMPT - 1 :] += _STEERING * directions[said[-1]]
    for place, token in enumerate(said, _PROMPT - 1):
        positions[place] = _STEERING * directions[token]
    spec.position_encodings.encodings = positions
    _fill_norm(spec.layer_norm, width)
    for layer in spec.layer:
        _fill_attention(layer.self_attention, width, random, [3 * width, width])
        _fill_attention(layer.attention, width, random, [width, 2 * width, width])
        _fill_feed_forward(layer.ffn, width, random)


def _fill_attention(
    spec: Any,  # noqa: ANN401 - as above
    width: int,
    random: np.random.Generator,
    outputs: list[int],
) -> None:
    _fill_norm(spec.layer_norm, width)
    for linear, size in zip(spec.linear, outputs, strict=True):
        _fill_linear(linear, size, width, random)


def _fill_feed_forward(spec: Any, width: int, random: np.random.Generator) -> None:  # noqa: ANN401
    _fill_norm(spec.layer_norm, width)
    _fill_linear(spec.linear_0, 4 * width, width, random)
    _fill_linear(spec.linear_1, width, 4 * width, random)


def _fill_linear(spec: Any, outputs: int, inputs: int, random: np.random.Generator) -> None:  # noqa: ANN401
    spec.weight = _random(random, outputs, inputs)
    spec.bias = np.zeros(outputs, np.float32)


def _fill_norm(spec: Any, width: int) -> None:  # noqa: ANN401 - as above
    spec.gamma = np.ones(width, np.float32)
    spec.beta = np.zeros(width, np.float32)


def _random(random: np.random.Generator, *shape: int) -> Weights:
    return random.normal(0, 0.02, shape).astype(np.float32)
