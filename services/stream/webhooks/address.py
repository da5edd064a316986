"""Which addresses may be posted to: the internet's, and what the site allows besides. Pure.

Whoever may add a receiver must not reach, through EchoBase, what only its network reaches:
loopback, private networks, link-local addresses such as that of a cloud's credentials.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import httpx

from shared.errors import BadInput, EchoBaseError
from shared.settings_webhooks import WebhookSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST = 2000
_PORTS = {"https": 443, "http": 80}
_NAT64 = ip_network("64:ff9b::/96")
# What Python's `is_global` says of these differs by its version, or is no answer to our question:
# protocol assignments, relays, tunnels that hold an IPv4 address, site-local, documentation, and
# Azure's 168.63.129.16, which a virtual machine reaches and nobody else.
_OURS_ALONE = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
    )
)


class AddressRefused(EchoBaseError):
    """The receiver's address may not be posted to."""

    code = "address-refused"


@dataclass(frozen=True)
class Target:
    """Where to post to."""

    scheme: str
    host: str
    """Its name in ASCII, or its address."""
    port: int
    path: str
    """With the query."""


@dataclass(frozen=True)
class Allowed:
    """What a site allows besides the internet by https."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()

    def permits(self, host: str, address: Address) -> bool:
        """Whether it names the host, or the address."""
        name = host.lower().rstrip(".")
        return any(_is(each, name) for each in self.hosts) or _within(address, self.networks)


def allowed(settings: WebhookSettings) -> Allowed:
    """What the settings allow."""
    return Allowed(settings.networks(), settings.hosts())


def read_url(text: str) -> Target:
    """The parts of a receiver's address. Raises BadInput."""
    try:
        url = httpx.URL(text)
        port = url.port or _PORTS.get(url.scheme, 0)
        good = url.host and 0 < port < 65_536 and not url.userinfo and not url.fragment
    except httpx.InvalidURL:
        raise _bad_url() from None
    if not good or url.scheme not in _PORTS or len(text) > _LONGEST or not text.isprintable():
        raise _bad_url()
    return Target(
        url.scheme,
        url.raw_host.decode("ascii"),
        port,
        url.raw_path.decode("ascii"),
    )


def choose(target: Target, found: Iterable[str], allowed: Allowed) -> list[str]:
    """Those of a host's addresses that may be posted to. Raises AddressRefused if none may."""
    addresses = [_plain(ip_address(each)) for each in found]
    named = [each for each in addresses if allowed.permits(target.host, each)]
    if target.scheme == "https":
        named += [each for each in addresses if each not in named and public(each)]
    if named:
        return [str(each) for each in named]
    if addresses and any(map(public, addresses)):
        raise AddressRefused(
            f"{target.host} is not reached by https, nor in ECHOBASE_WEBHOOK_ALLOW"
        )
    raise AddressRefused(f"{target.host} is private, and not in ECHOBASE_WEBHOOK_ALLOW")


def public(address: Address) -> bool:
    """Whether it is one of the internet's."""
    address = _plain(address)
    if address in _NAT64:
        return public(IPv4Address(int(address) & 0xFFFFFFFF))
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not _within(address, _OURS_ALONE)
    )


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _is(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _bad_url() -> BadInput:
    return BadInput(
        "not an address to post to",
        field="URL",
        limit=f"https://… without a user and a fragment, at most {_LONGEST} characters",
    )
