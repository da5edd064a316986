"""What keeps words that nobody said out of transcripts; see `services.transcriber.guards`."""

from typing import Annotated

from msgspec import Meta

from shared.settings_base import Settings, meta


class GuardSettings(Settings, frozen=True, kw_only=True):
    """What keeps words that nobody said out of transcripts."""

    speech_threshold: Annotated[
        float,
        Meta(ge=0.05, le=0.95),
        meta(
            "Probability from which a moment counts as speech: higher finds less in noise, lower "
            "loses less of it"
        ),
    ] = 0.5
    second_try: Annotated[
        float,
        Meta(ge=0, le=1),
        meta(
            "A call of up to 30 s in which no speech was found goes to the model all the same if "
            "it is at least this loud (root mean square, such as 0.005); 0 for never"
        ),
    ] = 0.0
    second_confidence: Annotated[
        float,
        Meta(ge=0, le=1),
        meta("Confidence that the text of such a call must have, 0 to 1"),
    ] = 0.7
    trim_tails: Annotated[
        bool,
        meta("Whether squelch tails, the noise at the end of a transmission, are silenced"),
    ] = True
    least_confidence: Annotated[
        float,
        Meta(ge=0, le=1),
        meta("A window whose text has less confidence than this gives none, 0 to 1; 0 for all"),
    ] = 0.0
    most_repeats: Annotated[
        int,
        Meta(ge=0, le=100),
        meta(
            "A word or phrase that is said more often than this in a row is written so often; "
            "0 for as often as the model has it"
        ),
    ] = 6
    tokens_per_second: Annotated[
        float,
        Meta(ge=0, le=100),
        meta(
            "Tokens that a second of audio may have, besides 20 for each window: with more, the "
            "window is searched again, and its text is cut; 0 for any number"
        ),
    ] = 15.0
