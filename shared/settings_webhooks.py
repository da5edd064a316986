"""How receivers of webhooks are posted to; see `services.stream.webhooks`."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from msgspec import Meta

from shared.settings_base import Settings, meta
from shared.topology import DAY

_WAIT = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])\Z")
_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\Z")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}
_LONGEST = 14 * DAY
"""Seconds from the first attempt to the last: less than what waits is kept for."""


def read_allow(text: str) -> str:
    """Networks and hosts in their one form. Raises ValueError."""
    found = [each.strip().lower() for each in text.split(",") if each.strip()]
    for each in found:
        if _network(each) is None and (not _HOST.match(each) or _like_an_address(each)):
            raise ValueError("allowed are networks such as `10.1.0.0/16`, and hosts")
    return ",".join(found)


def read_waits(text: str) -> str:
    """The waits between attempts in their one form. Raises ValueError."""
    waits = [each.strip().lower() for each in text.split(",")]
    if not all(_WAIT.match(each) for each in waits):
        raise ValueError("allowed are numbers with s, m, h or d, such as `5s,5m,2h`")
    if sum(_seconds(waits)) > _LONGEST:
        raise ValueError("allowed are 14 days in all")
    return ",".join(waits)


class WebhookSettings(Settings, frozen=True, kw_only=True):
    """How receivers of webhooks are posted to."""

    webhook_allow: Annotated[
        str,
        meta(
            "Receivers that may be private, or without TLS: networks (`10.1.0.0/16`), addresses and"
            " hosts (`hooks.lan`, `*.lan`), separated by commas",
            read=read_allow,
        ),
    ] = ""
    webhook_retries: Annotated[
        str,
        meta(
            "Waits before the second attempt and each further one, up to a fifth longer by chance;"
            " after the last one an event goes to the dead letters",
            read=read_waits,
        ),
    ] = "5s,5m,30m,2h,5h,10h,14h,20h,24h"
    webhook_timeout: Annotated[
        float, Meta(ge=0.1, le=25), meta("Seconds that a receiver may take to answer")
    ] = 15.0

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `webhook_allow`."""
        found = (_network(each) for each in self.webhook_allow.split(","))
        return tuple(each for each in found if each is not None)

    def hosts(self) -> tuple[str, ...]:
        """The hosts of `webhook_allow`, in lower case; `*.` stands for any number of labels."""
        given = self.webhook_allow.split(",")
        return tuple(each for each in given if each and _network(each) is None)

    def waits(self) -> tuple[float, ...]:
        """Seconds between attempts."""
        return tuple(_seconds(self.webhook_retries.split(",")))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _like_an_address(text: str) -> bool:
    """Whether it was meant as an address: no host's last label is a number."""
    return text.rpartition(".")[2].isdigit()


def _seconds(waits: list[str]) -> list[float]:
    return [float(wait[:-1]) * _UNITS[wait[-1]] for wait in waits]
