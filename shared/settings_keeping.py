"""How long, and how much, is kept; see `shared.keeping` for what is decided from it."""

from typing import Annotated

from msgspec import Meta

from shared.keeping import Limits, Rules, read_age, read_rules, rules, seconds
from shared.settings_base import Settings, meta
from shared.topology import LogLimits

_Bytes = Annotated[int, Meta(ge=0)]
_GIB = 1024**3


class KeepingSettings(Settings, frozen=True, kw_only=True):
    """What is kept for how long: ages such as `12h`, `90d` or `forever`; 0 bytes is no limit."""

    keep_audio: Annotated[
        str, meta("Age at which a recording's audio is deleted", read=read_age)
    ] = "90d"
    keep_audio_bytes: Annotated[
        _Bytes, meta("Most bytes of audio in the store; the oldest goes first")
    ] = 0
    keep_transcripts: Annotated[
        str, meta("Age at which a recording is deleted, transcripts and all", read=read_age)
    ] = "730d"
    keep_transcripts_bytes: Annotated[
        _Bytes, meta("Most bytes of transcripts in the store; the oldest recordings go first")
    ] = 0
    keep_channels: Annotated[
        str,
        meta(
            'Other limits for channels, as JSON: `{"county/fire": {"audio": "30d"}}`; '
            "see `deploy/README.md`",
            read=read_rules,
        ),
    ] = ""
    keep_events: Annotated[str, meta("Age at which EVENTS forgets", read=read_age)] = "7d"
    keep_events_bytes: Annotated[_Bytes, meta("Most bytes of EVENTS")] = 2 * _GIB
    keep_dead: Annotated[str, meta("Age at which a dead letter is dropped", read=read_age)] = "30d"
    keep_dead_bytes: Annotated[_Bytes, meta("Most bytes of dead letters")] = _GIB
    keeper_every: Annotated[
        float, Meta(ge=1), meta("Seconds between two walks of the keeper over the store")
    ] = 6 * 3600.0

    def rules(self) -> Rules:
        """The limits of every channel."""
        everywhere = Limits(
            seconds(self.keep_audio),
            seconds(self.keep_transcripts),
            self.keep_audio_bytes,
            self.keep_transcripts_bytes,
        )
        return rules(everywhere, self.keep_channels)

    def logs(self) -> LogLimits:
        """The limits of the streams that forget."""
        return LogLimits(
            events_age=seconds(self.keep_events),
            events_bytes=self.keep_events_bytes or -1,
            dead_age=seconds(self.keep_dead),
            dead_bytes=self.keep_dead_bytes or -1,
        )
