"""Settings of the local stack's servers."""

import re
from typing import Annotated

from shared.settings_base import Port, Settings, meta


def _span(value: str) -> str:
    found = re.fullmatch(r"(\d{4,5})\s*-\s*(\d{4,5})", value)
    first, last = (int(each) for each in found.groups()) if found else (0, 0)
    if not 1024 <= first < last <= 65_535:
        raise ValueError("allowed are two ports from 1024 to 65535, such as `20000-31999`")
    return f"{first}-{last}"


class LocalSettings(Settings, frozen=True, kw_only=True):
    """The servers that the local stack runs; one that a URL is set for is not run but used."""

    nats_port: Annotated[Port, meta("Port of the local stack's nats-server")] = 4222
    store_port: Annotated[Port, meta("Port of the local stack's S3 server")] = 8333
    # Below those from which systems take the ports of outgoing connections.
    inner_ports: Annotated[
        str,
        meta(
            "First and last of the ports from which the local stack's servers take ten for their"
            " inner parts, and whatever `make demo` finds taken",
            read=_span,
        ),
    ] = "20000-31999"

    @property
    def inner_span(self) -> tuple[int, int]:
        """The first of the inner ports, and the first behind them."""
        first, last = self.inner_ports.split("-")
        return int(first), int(last) + 1
