"""Where the model runs: a pure choice from what is there and what was asked for."""

import os
from dataclasses import dataclass
from typing import cast

from services.transcriber.choice import Choice
from services.transcriber.libraries import library
from shared.errors import SettingError
from shared.settings import TranscriberSettings
from shared.settings_batching import BatchingSettings

MOST_THREADS = 4
"""Of one call: a second worker gains more than a decoder does from further threads."""
MOST_WORKERS = 8
_BATCH = {"cpu": 8, "cuda": 16}
"""Windows that one call decodes together: beyond these little is gained for the memory."""


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


def choose(
    settings: TranscriberSettings,
    hardware: Hardware,
    batching: BatchingSettings | None = None,
) -> Choice:
    """Pick device, compute type, threads, workers and batch size.

    Raises SettingError for what this machine cannot do.
    """
    batching = batching or BatchingSettings()
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
    threads, workers = _threads_and_workers(settings, batching, hardware, device)
    return Choice(
        device=device,
        compute_type=compute_type,
        threads=threads,
        workers=workers,
        batch=batching.batch_max or _BATCH[device],
        reason=f"{why}; {hardware.cores} cores",
        devices=min(hardware.gpus, workers) if device == "cuda" else 1,
    )


def _threads_and_workers(
    settings: TranscriberSettings, batching: BatchingSettings, hardware: Hardware, device: str
) -> tuple[int, int]:
    """Threads of one call, and calls at a time: on a CPU together as many as there are cores.

    On GPUs one call for each: it fills the GPU.
    """
    cores = hardware.cores
    if device == "cuda":
        return settings.threads or min(MOST_THREADS, cores), batching.model_workers or hardware.gpus
    # Two calls of one thread do a fifth more than one call of two.
    threads = settings.threads or max(1, min(MOST_THREADS, cores // 4))
    if batching.model_workers and not settings.threads:
        threads = max(1, cores // batching.model_workers)
    return threads, batching.model_workers or max(1, min(MOST_WORKERS, cores // threads))


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
            return (
                "cuda",
                f"{hardware.gpus} CUDA device{'s are' if hardware.gpus > 1 else ' is'} here",
            )
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
