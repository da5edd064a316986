"""How recordings share the model; see `services.transcriber.batcher`."""

from typing import Annotated

from msgspec import Meta

from shared.settings_base import Settings, meta

MOST_IN_FLIGHT = 256


class BatchingSettings(Settings, frozen=True, kw_only=True):
    """How recordings share the model."""

    in_flight: Annotated[
        int,
        Meta(ge=0, le=MOST_IN_FLIGHT),
        meta("Jobs that a transcriber works on at a time; three times what its calls hold if 0"),
    ] = 0
    batch_max: Annotated[
        int,
        Meta(ge=0, le=64),
        meta("Most windows that one call of the model decodes; 8 on a CPU, 16 on a GPU if 0"),
    ] = 0
    batch_wait_ms: Annotated[
        float,
        Meta(ge=0, le=10_000),
        meta(
            "Milliseconds that a window waits for others, while jobs that were taken are being "
            "prepared; on an idle system none waits"
        ),
    ] = 20.0
    model_workers: Annotated[
        int,
        Meta(ge=0, le=64),
        meta(
            "Calls of the model at a time; if 0, on a CPU by cores and threads, and one on each GPU"
        ),
    ] = 0
    model_idle: Annotated[
        float,
        Meta(ge=0, le=86_400),
        meta(
            "Seconds after which a model that jobs asked for is given up, if none uses it any "
            "more; 0 for never"
        ),
    ] = 600.0
