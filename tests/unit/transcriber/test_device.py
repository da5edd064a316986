"""Where the model runs."""

from dataclasses import astuple, replace

import pytest

from services.transcriber.device import Hardware, choose, survey
from shared.errors import SettingError
from shared.settings import TranscriberSettings
from shared.settings_batching import BatchingSettings

CPU = Hardware(
    cores=2, gpus=0, cpu_types=frozenset({"int8", "float32"}), gpu_types=frozenset[str]()
)
GPU = Hardware(
    cores=16,
    gpus=1,
    cpu_types=frozenset({"int8", "float32"}),
    gpu_types=frozenset({"float16", "int8_float16", "float32"}),
)


@pytest.mark.parametrize(
    ("settings", "hardware", "expected"),
    [
        (TranscriberSettings(), CPU, ("cpu", "int8", 1, 2, 8)),
        (TranscriberSettings(), GPU, ("cuda", "float16", 4, 1, 16)),
        (TranscriberSettings(whisper_device="cpu"), GPU, ("cpu", "int8", 4, 4, 8)),
        (TranscriberSettings(whisper_compute_type="float32"), CPU, ("cpu", "float32", 1, 2, 8)),
        (TranscriberSettings(whisper_compute_type="default"), CPU, ("cpu", "default", 1, 2, 8)),
        (TranscriberSettings(threads=1), GPU, ("cuda", "float16", 1, 1, 16)),
        (TranscriberSettings(threads=2), CPU, ("cpu", "int8", 2, 1, 8)),
    ],
)
def test_choice(
    settings: TranscriberSettings, hardware: Hardware, expected: tuple[str, str, int, int, int]
) -> None:
    choice = choose(settings, hardware)
    assert astuple(choice)[:5] == expected
    assert choice.reason


@pytest.mark.parametrize(
    ("batching", "expected"),
    [
        (BatchingSettings(batch_max=3), (4, 4, 3)),
        (BatchingSettings(model_workers=8), (2, 8, 8)),
        (BatchingSettings(model_workers=32), (1, 32, 8)),
    ],
)
def test_each_can_be_set(batching: BatchingSettings, expected: tuple[int, int, int]) -> None:
    choice = choose(TranscriberSettings(whisper_device="cpu"), GPU, batching)
    assert (choice.threads, choice.workers, choice.batch) == expected


@pytest.mark.parametrize(
    ("gpus", "workers", "expected"),
    [(1, 0, (1, 1, 1)), (4, 0, (4, 4, 1)), (4, 8, (4, 8, 2)), (4, 2, (2, 2, 1)), (2, 3, (2, 3, 2))],
)
def test_every_gpu_has_its_calls(gpus: int, workers: int, expected: tuple[int, int, int]) -> None:
    hardware = replace(GPU, gpus=gpus)
    choice = choose(TranscriberSettings(), hardware, BatchingSettings(model_workers=workers))
    assert (choice.devices, choice.workers, choice.replicas) == expected
    assert f"{gpus} CUDA device" in choice.reason


def test_a_cpu_is_one_device_whatever_else_is_there() -> None:
    choice = choose(TranscriberSettings(whisper_device="cpu"), replace(GPU, gpus=4))
    assert (choice.devices, choice.replicas) == (1, choice.workers)


def test_a_cpu_without_int8_computes_in_float32() -> None:
    hardware = Hardware(1, 0, frozenset({"float32"}), frozenset[str]())
    assert choose(TranscriberSettings(), hardware).compute_type == "float32"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (TranscriberSettings(whisper_device="cuda"), "WHISPER_DEVICE='cuda'"),
        (TranscriberSettings(whisper_compute_type="float16"), "WHISPER_COMPUTE_TYPE='float16'"),
    ],
)
def test_what_the_machine_cannot_do_is_named(settings: TranscriberSettings, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        choose(settings, CPU)
    assert "allowed are" in str(caught.value)


def test_this_machine_can_run_a_model() -> None:
    hardware = survey()
    assert hardware.cores >= 1
    assert choose(TranscriberSettings(whisper_device="cpu"), hardware).device == "cpu"
