"""The model's tokens: words, times, and what tells the decoder what to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from services.transcriber.libraries import library

TIME: Final = 0.02
"""Seconds from one time stamp to the next."""


class Tokens:
    """A tokenizer's numbers."""

    def __init__(self, folder: Path) -> None:
        """Read `tokenizer.json` in a model's folder."""
        self._tokenizer: Any = library("tokenizers").Tokenizer.from_file(
            str(folder / "tokenizer.json")
        )
        self._known: dict[str, list[int]] = {}
        self.end = self._special("endoftext")
        """Ends the text; all words are below it."""
        self.start = self._special("startoftranscript")
        self.language = self._special("en")
        self.blank = self._special_text("Ġ")
        """A space alone."""
        self.previous = self._special("startofprev")
        self.no_speech = self._special("nospeech")
        self.no_times = self._special("notimestamps")
        self.first_time = self._special("0.00")
        self.count: int = self._tokenizer.get_vocab_size()

    def word(self, word: str) -> list[int]:
        """A word, with the space before it."""
        if (found := self._known.get(word)) is None:
            found = list(self._tokenizer.encode(f" {word}", add_special_tokens=False).ids)
            self._known[word] = found
        return found

    def text(self, words: Sequence[str]) -> list[int]:
        """Words, one after another."""
        return [token for word in words for token in self.word(word)]

    def time(self, seconds: float) -> int:
        """A time stamp."""
        return self.first_time + round(min(30.0, max(0.0, seconds)) / TIME)

    def names(self) -> list[str]:
        """Every token, in order."""
        return [str(self._tokenizer.id_to_token(number)) for number in range(self.count)]

    def _special(self, name: str) -> int:
        return self._special_text(f"<|{name}|>")

    def _special_text(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise ValueError(f"the tokenizer has no token {name}")
        return int(found)
