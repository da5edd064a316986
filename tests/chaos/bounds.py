"""How much may be decoded again when a worker dies, by the settings that its processes run with.

A worker may have lost each chunk that it has handed in to the model, or is about to store. Of one
recording those are at most `OF_ONE`: it hands in a further chunk beside another one only while
fewer than that are handed in by all (`Batcher.has_room`), and stores what it has taken out before
it goes on (`in_order`). So beyond the first of each recording there are at most `OF_ONE - 1` of all
recordings together, and each recording may always have its first one: `OF_ALL`.

What is published is stored: nothing else may be lost. No more is allowed for what had no words in
it, of which nothing is published: every chunk of the clips has some.
"""

from services.transcriber.batcher import AHEAD

CALLS = 1
"""Of the model at a time."""
BATCH = 2
"""Windows of a call: with many a minute of audio is decoded and stored in one go, and nothing could
be done to a worker that is in the middle of it."""
IN_FLIGHT = 12
"""Recordings that a worker has in hand."""
SETTINGS = {
    "ECHOBASE_MODEL_WORKERS": str(CALLS),
    "ECHOBASE_BATCH_MAX": str(BATCH),
    "ECHOBASE_IN_FLIGHT": str(IN_FLIGHT),
}
OF_ONE = AHEAD * CALLS * BATCH
"""Chunks of one recording."""
OF_ALL = OF_ONE - 1 + IN_FLIGHT
"""Chunks of all recordings that a worker has in hand."""
