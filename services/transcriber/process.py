"""What must be settled in a transcriber's process before its libraries are imported."""

import os

from shared.allocator import MIB, keep


def prepare() -> None:
    """Settle it: first thing in the process, before there are threads."""
    # numpy's products here are too small to share between cores: its threads would only spin beside
    # the model's, at about the CPU time that the model itself takes. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # oneDNN, by which CTranslate2 computes, keeps what it compiled for 1024 shapes: with a model
    # that sees windows of every length these were 160 MB more after some hundred recordings.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    # What a call of the model frees the next one needs: to give it back and fault it in again was
    # a third of the encoder's time. A worker without work gives it back, see `worker`.
    keep(1024 * MIB)
