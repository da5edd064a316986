"""What a model's folder says of itself: `echobase.json`, beside the weights.

A model that was trained on other audio than Whisper's 30 second windows needs to be fed otherwise;
the folder carries that, so that nobody has to know it. Without the file the defaults hold, which
are those of a real Whisper model.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared.errors import ModelUnavailable

FILE = "echobase.json"
LONGEST_WINDOW = 30.0
"""Seconds; no Whisper model takes more at once."""

_Length = Annotated[float, Meta(gt=0, le=LONGEST_WINDOW)]
_Short = Annotated[float, Meta(ge=0, le=LONGEST_WINDOW)]


class Traits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model wants to be fed."""

    longest_chunk: Annotated[_Length, Meta(description="No chunk lasts longer, in seconds")] = 30.0
    join_pauses: Annotated[
        bool, Meta(description="Whether one chunk may hold several utterances")
    ] = True
    shortest_pause: Annotated[
        _Short, Meta(description="A shorter pause cuts nothing, in seconds")
    ] = 0.5
    padding: Annotated[_Short, Meta(description="Audio kept around an utterance, in seconds")] = 0.2
    window_margin: Annotated[
        _Short | None,
        Meta(
            description="The encoder sees the chunk and so many seconds more; "
            "the whole 30 s window if null"
        ),
    ] = None
    window_step: Annotated[
        _Short,
        Meta(
            description="A shorter window lasts a multiple of this, in seconds, so that many "
            "have the same length and are decoded together"
        ),
    ] = 0.5
    search_from: Annotated[
        _Short,
        Meta(
            description="A shorter recording goes to the model whole, without a search for speech, "
            "in seconds: for models that were taught to tell speech from noise"
        ),
    ] = 0.0
    beam_size: Annotated[int, Meta(ge=1, le=20, description="Beams of the decoder")] = 5
    languages: Annotated[
        list[str] | None, Meta(description="ISO 639-1 codes it knows; all of Whisper's if null")
    ] = None
    translates: Annotated[
        bool | None,
        Meta(description="Whether it was trained to translate into English; by its name if null"),
    ] = None
    notice: Annotated[
        str, Meta(description="One line that log and page show while the model runs")
    ] = ""


def read_traits(folder: Path) -> Traits:
    """The traits of the model in a folder.

    Raises ModelUnavailable if the folder's `echobase.json` does not fit.
    """
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Traits)
    except FileNotFoundError:
        return Traits()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelUnavailable(f"{file} does not fit: {error}") from error
