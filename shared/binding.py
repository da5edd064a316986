"""The address that a site listens on: resolved, and refused where anybody could come in."""

import ipaddress
import socket

from shared.errors import SettingError
from shared.settings import SiteSettings


def resolve(bind: str) -> tuple[socket.AddressFamily, str]:
    """The family and the number of an address or a name. Raises SettingError."""
    try:
        found = socket.getaddrinfo(bind, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingError(f"ECHOBASE_BIND={bind!r} is no address: {error.strerror}") from None
    # IPv4 first: `localhost` is both, and programs that are told a port try 127.0.0.1.
    family, *_, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, str(address[0])


def check_bind(site: SiteSettings) -> tuple[socket.AddressFamily, str]:
    """As `resolve`. Raises SettingError for an address beyond loopback without a key, too."""
    family, host = resolve(site.bind)
    if not ipaddress.ip_address(host).is_loopback and not site.api_key:
        raise SettingError(
            f"ECHOBASE_BIND={site.bind!r} can be reached from other machines:"
            " set ECHOBASE_API_KEY, or bind to 127.0.0.1"
        )
    return family, host
