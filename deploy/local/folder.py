"""The data folder of a local stack: who may use it, and the credentials that it keeps."""

import fcntl
import os
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from shared.errors import EchoBaseError, SettingError
from shared.rights import USER_NAMES, UserName
from shared.stack import read_stack, stack_path

ADMIN: UserName = "admin"
OTHERS = tuple(name for name in USER_NAMES if name != ADMIN)
_LOCK = "stack.lock"
_GLANCE = 0.5
"""Seconds for which somebody who only looks may be in the way."""


class FolderInUse(EchoBaseError):
    """Another local stack uses the data folder."""

    code = "folder-in-use"


class Credentials(Struct, frozen=True, kw_only=True):
    """What the stack's own servers ask for; made at the first start, then kept."""

    nats_user: str
    """Of the user that may do everything on NATS."""
    nats_password: str
    store_access_key: str
    store_secret_key: str
    nats_passwords: dict[str, str] = {}
    """Of the other users of `shared.rights`, by their names."""


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Hold the data folder for this process alone; it is let go when the process ends, however.

    Made if there is none, for this user alone: it will hold what people said. Raises FolderInUse,
    or SettingError if it cannot be written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / _LOCK).open("a+")
    except OSError as error:
        raise SettingError(
            f"ECHOBASE_DATA={str(folder)!r} cannot be used as a folder: {error.strerror}"
        ) from None
    with file as lock:
        deadline = time.monotonic() + _GLANCE
        while not _lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise FolderInUse(_in_use(folder))
            time.sleep(0.02)
        try:
            yield
        finally:
            stack_path(folder).unlink(missing_ok=True)


def is_claimed(folder: Path) -> bool:
    """Whether a process holds the data folder."""
    try:
        with (folder / _LOCK).open() as lock:
            return not _lock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def credentials(folder: Path) -> Credentials:
    """The folder's credentials, made if there are none. Raises SettingError if they are damaged."""
    path = folder / "secrets.json"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Credentials)
        return found if _is_whole(found) else _keep(path, _completed(found))
    except FileNotFoundError:
        made = Credentials(
            nats_user=ADMIN,
            nats_password=secrets.token_urlsafe(24),
            store_access_key=secrets.token_hex(10),
            store_secret_key=secrets.token_urlsafe(30),
        )
        return _keep(path, _completed(made))
    except (OSError, msgspec.DecodeError) as error:
        raise SettingError(
            f"{path} cannot be read ({error}): restore it, or remove it to have it made anew"
        ) from error


def _is_whole(found: Credentials) -> bool:
    return found.nats_user == ADMIN and set(OTHERS) <= set(found.nats_passwords)


def _completed(found: Credentials) -> Credentials:
    """With a password for every user: a folder of an older version had one user for all."""
    more = {name: secrets.token_urlsafe(24) for name in OTHERS}
    return msgspec.structs.replace(
        found, nats_user=ADMIN, nats_passwords=more | found.nats_passwords
    )


def _keep(path: Path, made: Credentials) -> Credentials:
    write_private(path, msgspec.json.format(msgspec.json.encode(made), indent=2))
    return made


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read; it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(folder: Path) -> str:
    running = read_stack(folder)
    who = f" (process {running.supervisor}, page {running.stream})" if running else ""
    return (
        f"a local stack already uses {folder.absolute()}{who}:"
        " stop it with `make stop`, or set ECHOBASE_DATA to another folder"
    )
