"""One question to the model: what is said in a window.

Decoding a chunk is a generator. It yields one step after another, is sent what the model made of
each, and returns what is said in the chunk. So whoever drives it may answer the steps of many
chunks with one call of the model.
"""

from collections.abc import Generator
from dataclasses import dataclass

from services.transcriber.chunk import Spoken
from services.transcriber.whisper import Encoded, Features, Generated, Search


@dataclass(eq=False)
class Step:
    """A window of a chunk, and how the decoder is to search in it."""

    window: Features
    prompt: list[int]
    search: Search
    encoded: Encoded | None = None
    """What the encoder made of the window, once it has."""

    @property
    def frames(self) -> int:
        """The window's length."""
        return int(self.window.shape[-1])

    @property
    def bucket(self) -> tuple[int, int, Search]:
        """Steps of the same bucket fit into one call: CTranslate2 wants windows of one length,
        prompts of one length, and searches one way."""
        return self.frames, len(self.prompt), self.search


Decoding = Generator[Step, Generated, list[Spoken]]


def advance(decoding: Decoding, answer: Generated | None) -> Step | list[Spoken]:
    """The next step, or what is said in the chunk; None begins. Slow: for a thread."""
    try:
        return next(decoding) if answer is None else decoding.send(answer)
    except StopIteration as end:
        return end.value
