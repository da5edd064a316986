"""What schemathesis is told besides the descriptions: recordings that exist, audio that is audio.

It loads this by `SCHEMATHESIS_HOOKS`; the recordings come in `ECHOBASE_TEST_RECORDINGS`.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import strategies as st

from shared.asyncapi.examples import SILENCE

RECORDINGS = "ECHOBASE_TEST_RECORDINGS"
_KNOWN: Mapping[str, list[str]] = json.loads(os.environ.get(RECORDINGS, "{}"))
"""Ids of recordings: `kept`, `held`, and those that may be `deleted`."""
_AUDIO = st.one_of(st.just(SILENCE), st.binary(max_size=2_000))


def _kind(method: str, path: str) -> str:
    if path.endswith("/hold"):
        return "held"
    return "deleted" if method == "DELETE" else "kept"


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - its types are incomplete
def flatmap_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> st.SearchStrategy[dict[str, Any] | None]:
    """Of three ids two exist."""
    if path_parameters and "recording_id" in path_parameters:
        operation = context.operation  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - the same
        label = str(getattr(operation, "label", " "))  # pyright: ignore[reportUnknownArgumentType] - the same
        known = _KNOWN.get(_kind(*label.split(" ", 1)), [])
        real = [{**path_parameters, "recording_id": id} for id in known]
        return st.sampled_from([*real, *real, *[path_parameters] * max(1, len(real))])
    return st.just(path_parameters)


schemathesis.openapi.format("binary", _AUDIO)


# A range of media types is served by any that is in it.
@schemathesis.serializer("audio/flac")
def audio(_: schemathesis.SerializationContext, value: object) -> bytes:
    """A body that is nothing but a file."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode()
