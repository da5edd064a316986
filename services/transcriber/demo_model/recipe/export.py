"""Write a trained model as the folder that faster-whisper loads.

python -m services.transcriber.demo_model.recipe.export RUN/average.npz FOLDER
"""

import argparse
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from services.transcriber.demo_model.recipe.model_file import Arrays
from services.transcriber.demo_model.recipe.tokens import Tokens

MODEL: Final = Path(__file__).parent.parent
"""Where the tokenizer and the description are taken from."""
HEADS: Final = 2
_COPIED: Final = ("tokenizer.json", "preprocessor_config.json", "echobase.json")
_TIED: Final = "decoder/embeddings/weight"


def export(weights: Arrays, folder: Path) -> None:
    """Write the weights, in eight bits, with what belongs to them.

    Raises ValueError if a weight has no place in the architecture, or lacks one.
    """
    specs: Any = import_module("ctranslate2.specs")
    tokens = Tokens(MODEL)
    layers = {part: _layers(weights, part) for part in ("encoder", "decoder")}
    spec = specs.WhisperSpec(layers["encoder"], HEADS, layers["decoder"], HEADS)
    for name, weight in weights.items():
        owner, last = _place(spec, name)
        setattr(owner, last, np.array(weight, np.float32))
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    spec.register_vocabulary(tokens.names())
    spec.config.lang_ids = [tokens.language]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.blank, tokens.end]
    last_layer = layers["decoder"] - 1
    spec.config.alignment_heads = [(last_layer, head) for head in range(HEADS)]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    for name in _COPIED:
        if (MODEL / name).resolve() != (folder / name).resolve():
            shutil.copyfile(MODEL / name, folder / name)


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with np.load(options.weights) as saved:
        export({name: saved[name] for name in saved.files}, options.folder)


def _layers(weights: Arrays, part: str) -> int:
    return len({found[1] for name in weights if (found := re.match(rf"{part}/layer_(\d+)/", name))})


def _place(spec: Any, name: str) -> tuple[Any, str]:  # noqa: ANN401 - CTranslate2 has no types
    """The part of the architecture that a weight's name means, and its attribute."""
    *path, last = name.split("/")
    owner = spec
    for step in path:
        numbered = re.fullmatch(r"(layer|linear)_(\d+)", step)
        if step.startswith("linear_") and hasattr(owner, step):
            numbered = None  # a feed-forward network has two, by name
        if numbered is None:
            owner = getattr(owner, step)
        else:
            owner = getattr(owner, numbered[1])[int(numbered[2])]
    if not hasattr(owner, last):
        raise ValueError(f"the architecture has no place for {name}")
    return owner, last


if __name__ == "__main__":
    main()
