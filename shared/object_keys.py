"""Where everything lies in the store's bucket.

recordings/<id>/audio.<extension>                the file as it came
recordings/<id>/recording.json                   messages.Recording
recordings/<id>/versions/<n>/request.json        messages.VersionRequest; claims the number
recordings/<id>/versions/<n>/transcript.json     messages.Transcript; written once
recordings/<id>/versions/<n>/failed.json         messages.Failed: no transcript came; if one comes
                                                 after all, that counts
models/<name>/…                                  a speech model; files.json, written last, lists it
recordings/<id>/forgotten.json                   erasure.Forgotten: its audio was deleted
recordings/<id>/hold.json                        erasure.Hold: nothing of it may be deleted
erased/<id>.json                                 erasure.Tombstone: it was deleted, and stays so
"""

RECORDINGS = "recordings/"
"""Every recording, each in a folder named by its id."""


def recording_prefix(recording: str) -> str:
    """Everything of one recording."""
    return f"recordings/{recording}/"


ERASED = "erased/"
"""The tombstones."""


def tombstone(recording: str) -> str:
    """That a recording was erased."""
    return f"{ERASED}{recording}.json"


def hold(recording: str) -> str:
    """What keeps a recording from being deleted."""
    return f"recordings/{recording}/hold.json"


def forgotten(recording: str) -> str:
    """That a recording's audio was deleted."""
    return f"recordings/{recording}/forgotten.json"


def audio(recording: str, extension: str) -> str:
    """The audio file; `extension` without its dot."""
    return f"recordings/{recording}/audio.{extension}"


def record(recording: str) -> str:
    """The recording's own description."""
    return f"recordings/{recording}/recording.json"


def versions_prefix(recording: str) -> str:
    """Every version of one recording."""
    return f"recordings/{recording}/versions/"


def request(recording: str, version: int) -> str:
    """The request that claimed a version's number."""
    return f"recordings/{recording}/versions/{version}/request.json"


def transcript(recording: str, version: int) -> str:
    """A version's transcript."""
    return f"recordings/{recording}/versions/{version}/transcript.json"


def failed(recording: str, version: int) -> str:
    """Why a version failed."""
    return f"recordings/{recording}/versions/{version}/failed.json"


def version_of(key: str) -> int | None:
    """The version to which a key below `versions_prefix` belongs; None if it is no such key."""
    match key.split("/"):
        case ["recordings", _, "versions", version, _] if version.isascii() and version.isdigit():
            return int(version)
        case _:
            return None


def model_prefix(name: str) -> str:
    """Everything of one speech model; `owner/name` is kept as `owner--name`."""
    return f"models/{name.replace('/', '--')}/"


def model_file(name: str, file: str) -> str:
    """One file of a speech model."""
    return f"{model_prefix(name)}{file}"
