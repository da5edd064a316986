"""Side by side with faster-whisper alone: ratios, with the error rate beside each speed."""

import os

# As the transcriber's process has it, so that both sides run under the same setting; numpy reads it
# when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
