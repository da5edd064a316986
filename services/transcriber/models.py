"""Finding a speech model by its name.

    demo                  the folder that comes with this package
    a path                a folder that holds a faster-whisper model
    a name in the models' folder     the folder of that name below `ECHOBASE_MODEL_FOLDER`
    medium.en, large-v3…  faster-whisper's names, or `owner/name`; fetched into that folder once,
                          from the hub, or by `echobase model fetch` from elsewhere

A job may ask for any of these but a path or an `owner/name`, and nothing is fetched for it unless
`ECHOBASE_FETCH_FOR_JOBS` is set: its sender is not the operator.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from services.transcriber import hub
from services.transcriber.model_fetch import from_hub, install
from services.transcriber.model_files import WEIGHTS, place_of
from services.transcriber.model_folder import Traits, read_traits
from shared.errors import ModelAway, ModelUnavailable
from shared.settings import TranscriberSettings

DEMO = "demo"
DEMO_FOLDER = Path(__file__).parent / "demo_model"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_HINT = "set WHISPER_MODEL_NAME to demo, to a folder, or to a name such as medium.en"
_OWNED_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z", re.ASCII)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundModel:
    """A model that is on this machine."""

    name: str
    """By which other workers find it too."""
    folder: Path
    traits: Traits


def find_configured(name: str, model_folder: Path, *, offline: bool) -> FoundModel:
    """The model that the operator named; fetched from the hub if need be, and slow then.

    Raises ModelUnavailable, which says what to set.
    """
    try:
        return _configured(name, model_folder, fetch=not offline)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{error}: {_HINT}") from error


def _configured(name: str, model_folder: Path, *, fetch: bool) -> FoundModel:
    path = Path(name).expanduser()
    if is_model_folder(path):
        return _found(path.resolve().name, path)
    if name.startswith((".", "/", "~")) or path.is_dir():
        raise ModelUnavailable(f"the model folder {name!r} holds no {WEIGHTS}")
    if found := _by_name(name, model_folder, fetch=fetch):
        return found
    if _OWNED_NAME.match(name):
        if is_model_folder(place := place_of(name, model_folder)):
            return _found(name, place)
        return _found(name, _fetch(name, model_folder, fetch=fetch))
    raise ModelUnavailable(f"there is no model named {name!r}")


def find_named(name: str, model_folder: Path, *, fetch: bool) -> FoundModel:
    """The model that a job, or a frozen plan, names; never a path.

    Raises ModelUnavailable; ModelAway if only the hub, or the way to it, failed.
    """
    found = _by_name(name, model_folder, fetch=fetch)
    if found is None:
        raise ModelUnavailable(f"there is no model named {name!r}")
    return found


def at_hand(settings: TranscriberSettings) -> list[str]:
    """The names of the models that a job may ask for, beside the worker's own."""
    folder = settings.model_folder
    here = folder.iterdir() if folder.is_dir() else ()
    found = {each.name for each in here if is_model_folder(each) and _PLAIN_NAME.match(each.name)}
    if settings.fetch_for_jobs and not settings.offline:
        found |= set(hub.names())
    return sorted(found)


def _by_name(name: str, model_folder: Path, *, fetch: bool) -> FoundModel | None:
    if name == DEMO:
        return _found(name, DEMO_FOLDER)
    if not _PLAIN_NAME.match(name):
        return None
    if is_model_folder(model_folder / name):
        return _found(name, model_folder / name)
    if name in hub.names():
        return _found(name, _fetch(name, model_folder, fetch=fetch))
    return None


def _found(name: str, folder: Path) -> FoundModel:
    return FoundModel(name, folder, read_traits(folder))


def is_model_folder(folder: Path) -> bool:
    """Whether a folder holds a model's weights."""
    return (folder / WEIGHTS).is_file()


def plain_name(name: str) -> str:
    """The same name. Raises ModelUnavailable if a model that is fetched cannot be called so."""
    if not (_PLAIN_NAME.match(name) or _OWNED_NAME.match(name)):
        raise ModelUnavailable(
            f"a model cannot be called {name!r}: letters, digits, `.`, `_` and `-` are allowed"
        )
    return name


def _fetch(name: str, model_folder: Path, *, fetch: bool) -> Path:
    # What is here already is used without asking the hub: a start must not need the internet.
    if here := _cached(name, model_folder):
        return here
    if not fetch:
        raise ModelUnavailable(f"the model {name!r} is not on this machine, and may not be fetched")
    _log.info("fetching a model from the hub", extra={"model": name, "folder": str(model_folder)})
    try:
        install(name, model_folder, from_hub(lambda to: hub.fetch(name, to, local_only=False)))
    except (hub.FetchFailed, OSError) as error:
        raise ModelAway(f"the model {name!r} cannot be fetched ({error})") from error
    return place_of(name, model_folder)


def _cached(name: str, model_folder: Path) -> Path | None:
    """Where the hub's own client put a model, as it did before version 0.2; None if it did not."""
    try:
        folder = hub.fetch(name, model_folder, local_only=True)
    except hub.FetchFailed:
        return None
    # It names the folder of an interrupted fetch too.
    whole = is_model_folder(folder) and (folder / "config.json").is_file()
    return folder if whole and any(folder.glob("vocabulary.*")) else None
