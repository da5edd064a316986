"""Where the model runs: a pure choice from what is there and what was asked for."""

import os
from dataclasses import dataclass
from typing import cast

from services.transcriber.choice import Choice
from services.transcriber.libraries import library
from shared.errors import SettingError
from shared.settings import TranscriberSettings

MOST_THREADS = 8
"""A Whisper decoder gains nothing from more threads than this on one clip."""


@dataclass(frozen=True)
class Hardware:
    """What this machine has."""

    cores: int
    """Cores that this process may use."""
    gpus: int
    """CUDA devices that CTranslate2 sees."""
    cpu_types: frozenset[str]
    """Compute types that the CPU supports."""
    gpu_types: frozenset[str]
    """Compute types that the first GPU supports; empty without one."""


def choose(settings: TranscriberSettings, hardware: Hardware) -> Choice:
    """Pick device, compute type and threads.

    Raises SettingError for what this machine cannot do.
    """
    device, why = _device(settings, hardware)
    supported = hardware.gpu_types if device == "cuda" else hardware.cpu_types
    compute_type = settings.whisper_compute_type
    if compute_type in ("auto", ""):
        compute_type = _best_type(device, supported)
    elif compute_type not in supported | {"default"}:
        raise SettingError(
            f"WHISPER_COMPUTE_TYPE={compute_type!r} is not supported by this {device}: "
            f"allowed are auto, default, {', '.join(sorted(supported))}"
        )
    threads = settings.threads or max(1, min(MOST_THREADS, hardware.cores))
    return Choice(device, compute_type, threads, f"{why}; {hardware.cores} cores")


def survey() -> Hardware:
    """What this machine has, as CTranslate2 sees it."""
    ctranslate2 = library("ctranslate2")
    gpus = int(ctranslate2.get_cuda_device_count())
    return Hardware(
        cores=_usable_cores(),
        gpus=gpus,
        cpu_types=frozenset(cast(set[str], ctranslate2.get_supported_compute_types("cpu"))),
        gpu_types=frozenset(
            cast(set[str], ctranslate2.get_supported_compute_types("cuda")) if gpus else ()
        ),
    )


def _device(settings: TranscriberSettings, hardware: Hardware) -> tuple[str, str]:
    match settings.whisper_device:
        case "cpu":
            return "cpu", "WHISPER_DEVICE says so"
        case "cuda" if not hardware.gpus:
            raise SettingError(
                "WHISPER_DEVICE='cuda' but no CUDA device is here: allowed are auto, cpu"
            )
        case "cuda":
            return "cuda", "WHISPER_DEVICE says so"
        case _ if hardware.gpus:
            return "cuda", f"{hardware.gpus} CUDA devices are here"
        case _:
            return "cpu", "no CUDA device is here"


def _best_type(device: str, supported: frozenset[str]) -> str:
    wanted = ("float16", "int8_float16") if device == "cuda" else ("int8", "int8_float32")
    return next((kind for kind in wanted if kind in supported), "float32")


def _usable_cores() -> int:
    # A container's or a batch system's share is smaller than the machine; macOS cannot say.
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
