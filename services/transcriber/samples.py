"""What is heard."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono, 16 kHz, -1 to 1."""
