"""Which addresses may be posted to."""

from ipaddress import ip_address

import pytest

from services.stream.webhooks.address import (
    AddressRefused,
    Target,
    allowed,
    choose,
    public,
    read_url,
)
from shared import settings
from shared.errors import BadInput, SettingError
from shared.settings_webhooks import WebhookSettings

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.31.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2001:0:7f00:1::",
    "2002:7f00:1::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700:4700::1111"]


def permitted(text: str) -> WebhookSettings:
    return settings.load(WebhookSettings, {"ECHOBASE_WEBHOOK_ALLOW": text})


@pytest.mark.parametrize("address", PRIVATE)
def test_what_only_ones_own_network_reaches_is_not_public(address: str) -> None:
    assert not public(ip_address(address))
    with pytest.raises(AddressRefused, match="private"):
        choose(Target("https", "hooks.example", 443, "/"), [address], allowed(permitted("")))


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is(address: str) -> None:
    assert public(ip_address(address))
    target = Target("https", "hooks.example", 443, "/")
    assert len(choose(target, [address], allowed(permitted("")))) == 1
    with pytest.raises(AddressRefused, match="https"):
        choose(Target("http", "hooks.example", 80, "/"), [address], allowed(permitted("")))


@pytest.mark.parametrize(
    ("allow", "host", "address", "good"),
    [
        ("10.1.0.0/16", "hooks.example", "10.1.2.3", True),
        ("10.1.0.0/16", "hooks.example", "10.2.2.3", False),
        ("10.1.0.0/16", "hooks.example", "::ffff:10.1.2.3", True),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2", False),
        ("hooks.lan", "hooks.lan", "10.2.2.3", True),
        ("hooks.lan", "Hooks.LAN.", "10.2.2.3", True),
        ("hooks.lan", "nothooks.lan", "10.2.2.3", False),
        ("*.lan", "a.b.lan", "fd00::1", True),
        ("*.lan", "lan", "fd00::1", False),
        ("fd00::/8, hooks.lan", "x", "fd00::1", True),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_site_allows_more(scheme: str, allow: str, host: str, address: str, good: bool) -> None:
    target = Target(scheme, host, 80, "/")
    if good:
        assert choose(target, [address], allowed(permitted(allow)))
        return
    with pytest.raises(AddressRefused):
        choose(target, [address], allowed(permitted(allow)))


def test_of_several_addresses_only_those_that_may_be_are_taken() -> None:
    target = Target("https", "hooks.example", 443, "/")
    found = ["127.0.0.1", "8.8.8.8", "fe80::1"]
    assert choose(target, found, allowed(permitted(""))) == ["8.8.8.8"]
    with pytest.raises(AddressRefused):
        choose(target, [], allowed(permitted("")))


@pytest.mark.parametrize("text", ["10.0.0.0/99", "http://x", "a b", "10.1.2", "*", "a,,b c"])
def test_what_is_no_network_and_no_host_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="ECHOBASE_WEBHOOK_ALLOW"):
        permitted(text)


def test_an_address_has_its_parts() -> None:
    assert read_url("https://hooks.example/a?b=c") == Target(
        "https", "hooks.example", 443, "/a?b=c"
    )
    assert read_url("http://[::1]:81") == Target("http", "::1", 81, "/")
    assert read_url("https://bücher.example/").host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "https://",
        "https://a:b@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example:99999/",
        "https://hooks.example/\n",
        "https://hooks.example/" + "x" * 2000,
    ],
)
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_url(url)
    assert caught.value.field == "URL"
