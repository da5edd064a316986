"""What ingest's callers may ask of it, besides what `IngestSettings` says of sizes."""

from typing import Annotated

from msgspec import Meta

from shared.containers import FORMATS, read_formats
from shared.settings_base import Settings, meta


class LimitSettings(Settings, frozen=True, kw_only=True):
    """What an upload may be, and how long a call may wait for its transcript."""

    formats: Annotated[
        str,
        meta(
            f"Accepted formats, separated by commas, of {', '.join(FORMATS)}; all if empty",
            read=read_formats,
        ),
    ] = ""
    longest_wait: Annotated[
        float,
        Meta(ge=1, le=3600),
        meta("Seconds for which a call may wait for its transcript: `wait=`, and OpenAI's routes"),
    ] = 300.0

    def accepted(self) -> tuple[str, ...]:
        """The formats of `formats`."""
        return tuple(self.formats.split(",")) if self.formats else FORMATS
