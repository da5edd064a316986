"""Runs a service with a fault that the product has not: `python -m tests.chaos.faulty <fault>
<service module>`, where the fault is `none`, or some of `FAULTS` with commas between.

The product holds no switch for any of this: it is patched in the process, before the service
begins. If the environment names a folder in `SHADOW`, what the service syncs of its spool is noted
there, so that a power cut can be simulated.
"""

import math
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Literal, NamedTuple, get_args
from unittest import mock

from msgspec.structs import replace

from services.ingest import disk, reception
from services.ingest.openai import desk
from services.ingest.openai.asked import Asked
from services.ingest.watch.watcher import Watcher
from services.stream.webhooks.posting import Answer, Poster
from services.stream.webhooks.receiver import Receiver
from shared import nats_publish
from shared.messages import Metadata, Transcript
from shared.version_state import VersionState
from tests.chaos.powercut import Shadow

SHADOW = "CHAOS_SHADOW"
Fault = Literal[
    "no-fence",
    "no-resume",
    "no-file-sync",
    "no-folder-sync",
    "wrong-text",
    "no-label",
    "deaf-folder",
    "new-webhook-id",
]
NAMES: tuple[Fault, ...] = get_args(Fault)


class Planted(NamedTuple):
    """Whom a fault concerns, and how it is made."""

    module: str
    plant: Callable[[], None]


def _no_fence() -> None:
    """Events are stored whoever has written since."""
    mock.patch.object(nats_publish, "_fence", _nothing).start()


def _no_resume() -> None:
    """Who goes on with a version begins with its first chunk."""
    mock.patch.object(VersionState, "chunks_done", 0).start()


def _no_file_sync() -> None:
    mock.patch.object(disk, "sync", _ignored).start()


def _no_folder_sync() -> None:
    mock.patch.object(disk, "sync_folder", _ignored).start()


def _wrong_text() -> None:
    """Who waits for a text is told another one than the transcript's."""
    real = desk.body

    def less(asked: Asked, transcript: Transcript) -> tuple[bytes, str]:
        return real(asked, replace(transcript, text=transcript.text[1:]))

    mock.patch.object(desk, "body", less).start()


def _no_label() -> None:
    """What is said of a channel does not reach its recordings."""

    def only(said: Metadata, _channel: object) -> Metadata:
        return said

    mock.patch.object(reception, "metadata_of", only).start()


def _deaf_folder() -> None:
    """Nobody looks at what came into the watched folder while ingest was down."""

    async def look(watcher: Watcher) -> None:
        watcher.surveys += 1
        mock.patch.object(watcher, "_next", math.inf).start()

    mock.patch.object(Watcher, "_look_at_all", look).start()


def _new_webhook_id() -> None:
    """Each attempt at a post has an id of its own."""
    real = Poster.post

    async def post(poster: Poster, receiver: Receiver, _id: str, body: bytes) -> Answer:
        return await real(poster, receiver, token_hex(16), body)

    mock.patch.object(Poster, "post", post).start()


FAULTS: Mapping[str, Planted] = {
    "no-fence": Planted("services.transcriber", _no_fence),
    "no-resume": Planted("services.transcriber", _no_resume),
    "no-file-sync": Planted("services.ingest", _no_file_sync),
    "no-folder-sync": Planted("services.ingest", _no_folder_sync),
    "wrong-text": Planted("services.ingest", _wrong_text),
    "no-label": Planted("services.ingest", _no_label),
    "deaf-folder": Planted("services.ingest", _deaf_folder),
    "new-webhook-id": Planted("services.stream", _new_webhook_id),
}


def _nothing(_fence: object) -> dict[str, str]:
    return {}


def _ignored(_what: object) -> None:
    return


def main() -> None:
    """Run it."""
    _, faults, module = sys.argv
    if notes := os.environ.get(SHADOW):
        Shadow(Path(os.environ["ECHOBASE_DATA"]) / "spool", Path(notes)).install()
    for fault in faults.split(","):
        if fault != "none" and FAULTS[fault].module == module:
            FAULTS[fault].plant()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
