"""How far the history is, as `/health/ready`, `echobase history` and callers are told."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.errors import Unavailable
from shared.health import OK, Result, degraded, failed

Stage = Literal["waiting", "listing", "reading", "live"]


class Report(Struct, frozen=True, kw_only=True):
    """How far the history of one process is, as the file `progress.json` beside it says."""

    began: Annotated[float, Meta(description="When the file was opened, in seconds since 1970")]

    stage: Annotated[
        Stage,
        Meta(
            description="`waiting` for the file, `listing` the store, `reading` EVENTS, or `live`"
        ),
    ]
    listed: Annotated[bool, Meta(description="Whether the whole store has been listed once")]
    whole: Annotated[bool, Meta(description="Whether EVENTS has been read to its end since")]
    recordings: Annotated[int, Meta(description="Recordings that were read of the store so far")]
    behind: Annotated[int, Meta(description="Events of EVENTS that are still to be read")]
    trouble: Annotated[str, Meta(description="What it waits for; empty if for nothing")] = ""


@dataclass
class Progress:
    """The same, while it changes."""

    began: float = 0.0
    stage: Stage = "waiting"
    listed: bool = False
    whole: bool = False
    recordings: int = 0
    behind: int = 0
    trouble: str = ""

    def report(self) -> Report:
        """As it is now."""
        return Report(
            began=self.began,
            stage=self.stage,
            listed=self.listed,
            whole=self.whole,
            recordings=self.recordings,
            behind=self.behind,
            trouble=self.trouble,
        )

    def check_complete(self) -> None:
        """Raises Unavailable as long as there are recordings that it has never seen."""
        if not self.listed:
            raise Unavailable(f"The history is not complete yet: {self._detail()}.")

    async def health(self) -> Result:
        """Not ready while it is made for the first time, unless what that needs is away."""
        if self.stage == "live":
            return OK
        # Other replicas have a whole history: callers are better served there. Where the store is
        # away that helps nobody, and what is live can be had here.
        if not self.whole and not self.trouble:
            return failed(self._detail())
        return degraded(self._detail())

    def _detail(self) -> str:
        match self.stage:
            case "waiting":
                said = "its file is not open yet"
            case "listing":
                said = f"{self.recordings} recordings of the store were read so far"
            case "reading":
                said = f"{self.behind} events are still to be read"
            case "live":
                said = "it is live"
        return f"{said} ({self.trouble})" if self.trouble else said
