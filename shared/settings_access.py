"""How people and programs get in; see `shared.http.auth`."""

from typing import Annotated

from msgspec import Meta

from shared.rate import read_rate
from shared.settings_base import Settings, meta
from shared.topology import DAY, LONGEST_SESSION


class AccessSettings(Settings, frozen=True, kw_only=True):
    """Who may ask for what, and how often."""

    rate_limit: Annotated[
        str,
        meta(
            "Calls that a key may make on each replica, such as `300/minute` or `off`",
            "ECHOBASE_RATE_LIMIT",
            "FLASK_RATE_LIMIT",
            read=read_rate,
        ),
    ] = "300/minute"
    hosts: Annotated[
        str,
        meta(
            "Names by which the services are asked for, separated by commas, besides those of"
            " the public addresses; beyond loopback any name if empty"
        ),
    ] = ""
    session: Annotated[
        float,
        Meta(ge=60, le=LONGEST_SESSION),
        meta("Seconds after which the page asks for the key again"),
    ] = 7 * DAY

    def host_names(self) -> tuple[str, ...]:
        """The names of `hosts`."""
        return tuple(name.strip() for name in self.hosts.split(",") if name.strip())
