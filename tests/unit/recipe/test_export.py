"""From weights to the folder that faster-whisper loads, and back."""

from pathlib import Path

import numpy as np
import pytest

from services.transcriber.demo_model.recipe.export import export
from services.transcriber.demo_model.recipe.model_file import read_weights
from services.transcriber.demo_model.recipe.pace import WARM_UP, Pace
from services.transcriber.models import DEMO_FOLDER

FILES = ("model.bin", "config.json", "vocabulary.json", "tokenizer.json", "echobase.json")


def test_what_is_read_from_the_bundled_model_makes_the_same_folder(tmp_path: Path) -> None:
    export(read_weights(DEMO_FOLDER / "model.bin"), tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DEMO_FOLDER / name).read_bytes(), name


def test_a_weight_without_a_place_is_an_error(tmp_path: Path) -> None:
    weights = read_weights(DEMO_FOLDER / "model.bin")
    weights["encoder/layer_0/ffn/linear_0/wait"] = np.zeros(1, np.float32)
    with pytest.raises(ValueError, match="no place for encoder/layer_0/ffn/linear_0/wait"):
        export(weights, tmp_path)


def test_a_weight_that_lacks_is_an_error(tmp_path: Path) -> None:
    weights = read_weights(DEMO_FOLDER / "model.bin")
    del weights["decoder/layer_norm/beta"]
    with pytest.raises(ValueError, match="beta"):
        export(weights, tmp_path)


def test_the_pace_rises_stays_and_falls() -> None:
    pace = Pace(rate=1e-3, flat=0.5, steps=1000, seconds=1e9)
    assert pace.at(0, 0.0) == pytest.approx(1e-3 / WARM_UP)
    assert pace.at(WARM_UP, 0.1) == pytest.approx(1e-3)
    assert pace.at(500, 0.5) == pytest.approx(1e-3)
    assert pace.at(750, 0.75) == pytest.approx(0.505e-3)
    assert pace.at(1000, 1.0) == pytest.approx(1e-5)


def test_the_pace_ends_with_the_steps_or_with_the_time() -> None:
    pace = Pace(rate=1e-3, flat=0.5, steps=1000, seconds=60)
    assert pace.progress(250, 1) == 0.25
    assert pace.progress(250, 45) == 0.75
    assert pace.progress(2000, 1) == 1.0
