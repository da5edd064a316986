"""What systemd lets each part do, as data: directives and why they are what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deploy.box.places import DATA

ALL: Mapping[str, str] = MappingProxyType(
    {
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "AmbientCapabilities": "",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "DevicePolicy": "closed",
        "ProtectClock": "yes",
        "ProtectControlGroups": "yes",
        "ProtectHostname": "yes",
        "ProtectKernelLogs": "yes",
        "ProtectKernelModules": "yes",
        "ProtectKernelTunables": "yes",
        "ProtectProc": "invisible",
        "RestrictNamespaces": "yes",
        "RestrictRealtime": "yes",
        "RestrictSUIDSGID": "yes",
        "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "LockPersonality": "yes",
        "MemoryDenyWriteExecute": "yes",
        "RemoveIPC": "yes",
        "SystemCallArchitectures": "native",
        "SystemCallFilter": "@system-service\n~@privileged",
        "SystemCallErrorNumber": "EPERM",
        "UMask": "0077",
    }
)
"""For every part. AF_NETLINK: by it the C library and Go ask which addresses there are."""

LOOPBACK: Mapping[str, str] = MappingProxyType(
    {"IPAddressAllow": "localhost", "IPAddressDeny": "any"}
)
"""For what nobody outside the box talks to."""

GPU: Mapping[str, str] = MappingProxyType(
    {
        # CTranslate2 writes machine code for the processor that it finds, and runs it.
        "MemoryDenyWriteExecute": "no",
        # Without a GPU nothing is there to be allowed.
        "PrivateDevices": "no",
        "DeviceAllow": "char-nvidia-frontend rw\nchar-nvidia rw\nchar-nvidia-uvm rw",
    }
)
"""For what computes."""


@dataclass(frozen=True)
class Part:
    """A part as systemd runs it."""

    name: str
    """As in the layout of the local stack."""
    title: str
    own: tuple[str, ...]
    """Its folders within the data folder; the whole of it if none."""
    more: Mapping[str, str]
    """Directives that differ from ALL."""
    is_server: bool = False
    """Whether the others stand on it, so that it starts before them and ends after them."""
    wait: bool = False
    """Whether it has started only when it answers."""


_NOT_THEIRS = MappingProxyType(
    {"InaccessiblePaths": f"-{DATA}/nats -{DATA}/store -{DATA}/secrets.json"}
)
"""Services reach the servers' data by the servers alone."""

PARTS = (
    Part("nats-server", "message broker (NATS)", ("nats",), LOOPBACK, is_server=True),
    Part("store", "object store (S3)", ("store",), LOOPBACK, is_server=True, wait=True),
    Part("stream", "page, events and transcripts", (), _NOT_THEIRS),
    Part("ingest", "uploads", (), _NOT_THEIRS),
    Part("transcriber", "speech recognition", (), MappingProxyType({**_NOT_THEIRS, **GPU})),
)
