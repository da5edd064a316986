"""What keeps words that nobody said out of transcripts; see `services.transcriber.guards`."""

from typing import Annotated

from msgspec import Meta

from shared.settings_base import Settings, meta


class GuardSettings(Settings, frozen=True, kw_only=True):
    """What keeps words that nobody said out of transcripts."""

    least_confidence: Annotated[
        float,
        Meta(ge=0, le=1),
        meta("A window whose text has less confidence than this gives none, 0 to 1; 0 for all"),
    ] = 0.0
