"""What keeps words that nobody said out of transcripts, and lost ones in: as a plan freezes it.

`services.transcriber.guards` and its neighbors obey it; `shared.settings_guards` is where a site
says it, and `shared.channels` where it is said of one channel.
"""

from typing import Annotated

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]


class Guards(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits for noisy audio. By default none is drawn: so were plans before there were any."""

    speech_threshold: Annotated[
        Share, Meta(description="Probability from which the detector calls a moment speech")
    ] = 0.5
    second_try: Annotated[
        Share,
        Meta(
            description="A call in which no speech was found goes to the model all the same if it "
            "is at least this loud, as root mean square; 0: never"
        ),
    ] = 0.0
    second_confidence: Annotated[
        Share, Meta(description="What the text of such a call must reach")
    ] = 0.0
    trim_tails: Annotated[
        bool, Meta(description="Whether squelch tails are silenced before the model hears them")
    ] = False
    least_confidence: Annotated[
        Share, Meta(description="What a window's text falls short of is dropped; 0: nothing")
    ] = 0.0
    most_repeats: Annotated[
        int,
        Meta(ge=0, description="Words that are repeated more often in a row are cut; 0: never"),
    ] = 0
    tokens_per_second: Annotated[
        float, Meta(ge=0, description="More tokens than this, and 20, are a failed search; 0: any")
    ] = 0.0
