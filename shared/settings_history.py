"""What the history of recordings marks; see `services.stream.history`."""

from typing import Annotated

from msgspec import Meta

from shared.settings_base import Settings, meta


class HistorySettings(Settings, frozen=True, kw_only=True):
    """What lists and searches say of recordings."""

    review_below: Annotated[
        float,
        Meta(ge=0, le=1),
        meta(
            "A recording whose mean confidence is lower needs review, until somebody corrects it;"
            " 0 for none"
        ),
    ] = 0.6
