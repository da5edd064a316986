"""The watched folder; see `services.ingest.watch`."""

from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta

from shared.settings_base import Settings, meta

After = Literal["keep", "move", "delete"]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # what it raises for an unknown name is a KeyError
        raise ValueError("allowed is a name such as `America/Chicago`") from None
    return value


class WatchSettings(Settings, frozen=True, kw_only=True):
    """The folder whose recordings are taken in as they appear; see "Watched folder"."""

    watch_path: Annotated[
        str, meta("Folder to watch, with all that is below it; none if empty", "CALL_WATCH_PATH")
    ] = ""
    watch_timezone: Annotated[
        str,
        meta(
            "Time zone in which SDRTrunk names its files, such as `America/Chicago`;"
            " this machine's if empty",
            "CALL_WATCH_TIMEZONE",
            read=_zone,
        ),
    ] = ""
    watch_after: Annotated[
        After,
        meta("What becomes of a file that was taken; `move` is to `.taken` in the same folder"),
    ] = "keep"
    watch_settle: Annotated[
        float, Meta(ge=0.1), meta("Seconds for which a file must not change before it is read")
    ] = 2.0
    watch_rescan: Annotated[
        float,
        Meta(ge=0.1),
        meta(
            "Seconds between two looks at the whole folder: all that tells of new files"
            " on a network share"
        ),
    ] = 15.0

    def folder(self) -> Path | None:
        """The folder; None if none is watched."""
        return Path(self.watch_path).expanduser() if self.watch_path else None

    def zone(self) -> tzinfo | None:
        """The time zone; None for this machine's."""
        return ZoneInfo(self.watch_timezone) if self.watch_timezone else None
