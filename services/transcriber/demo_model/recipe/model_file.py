"""CTranslate2's `model.bin`, read: its weights by name, as 32 bit floats.

The layout is that of `ctranslate2/specs/model_spec.py`, which writes it.
"""

import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_TYPES: Final = (np.float32, np.int8, np.int16, np.int32, np.float16)
_FLOATS: Final = (0, 4)
_INT8: Final = 1

Arrays = dict[str, NDArray[np.float32]]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def number(self, kind: str) -> int:
        (found,) = struct.unpack_from(f"<{kind}", self._data, self._place)
        self._place += struct.calcsize(f"<{kind}")
        return int(found)

    def take(self, size: int) -> bytes:
        self._place += size
        return self._data[self._place - size : self._place]

    def text(self) -> str:
        return self.take(self.number("H"))[:-1].decode()


def read_weights(file: Path) -> Arrays:
    """The weights; what was quantized by rows is as near as it can be."""
    reader = _Reader(file.read_bytes())
    reader.number("I")
    reader.text()
    reader.number("I")
    found: Arrays = {}
    quantized: Arrays = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        kind = reader.number("B")
        data = np.frombuffer(reader.take(reader.number("I")), _TYPES[kind]).reshape(shape)
        if kind in _FLOATS:
            found[name] = data.astype(np.float32)
        elif kind == _INT8 and shape:
            quantized[name] = data.astype(np.float32)
    for name, rows in quantized.items():
        scale = found.pop(f"{name}_scale")
        found[name] = rows / scale.reshape(-1, *[1] * (rows.ndim - 1))
    return found
