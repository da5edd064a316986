"""Who may connect to whom, as data: everything else is denied. A new arrow is a line here.

`network.yaml` in the base and in each component is made from this (`python -m deploy.k3s.renew`),
and a test reads the arrows back from the rendered policies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Peer = dict[str, object]


@dataclass(frozen=True)
class Arrow:
    """Connections from one to another. A name that is not in `OUTSIDE` is that of pods of ours."""

    source: str
    target: str
    port: int
    protocol: str = "TCP"


def _system(**labels: str) -> Peer:
    return _elsewhere({"kubernetes.io/metadata.name": "kube-system"}, labels)


def _elsewhere(namespace: Mapping[str, str], pods: Mapping[str, str] | None = None) -> Peer:
    peer: Peer = {"namespaceSelector": {"matchLabels": dict(namespace)}}
    if pods:
        peer["podSelector"] = {"matchLabels": dict(pods)}
    return peer


PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")

OUTSIDE: Mapping[str, Peer] = {
    "traefik": _system(**{"app.kubernetes.io/name": "traefik"}),
    "dns": _system(**{"k8s-app": "kube-dns"}),
    "keda": _elsewhere({"kubernetes.io/metadata.name": "keda"}),
    # Other services of the site, which publish to SUBMIT or follow EVENTS: their namespace says so.
    "clients": _elsewhere({"echobase.io/nats-client": "true"}),
    "internet": {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}},
}
"""Those who are not ours, as a NetworkPolicy names them."""


def _resolving(*names: str) -> list[Arrow]:
    return [Arrow(name, "dns", 53, protocol) for name in names for protocol in ("UDP", "TCP")]


ARROWS: Mapping[str, tuple[Arrow, ...]] = {
    "base": (
        Arrow("traefik", "ingest", 3001),
        Arrow("traefik", "stream", 3000),
        *(
            Arrow(name, target, port)
            for name in ("ingest", "stream", "transcriber", "topology")
            for target, port in (("nats", 4222), ("store", 9000))
        ),
        Arrow("clients", "nats", 4222),
        *_resolving("ingest", "stream", "transcriber", "topology"),
    ),
    "components/backup": (
        Arrow("backup", "nats", 4222),
        Arrow("backup", "store", 9000),
        *_resolving("backup"),
    ),
    "components/keda": (Arrow("keda", "nats", 8222),),
    "components/nats-cluster": (Arrow("nats", "nats", 6222), *_resolving("nats")),
    "components/hub": (Arrow("transcriber", "internet", 443),),
    "components/webhooks": (Arrow("stream", "internet", 443),),
    "components/tracing": tuple(
        Arrow(name, "tracing", 4318) for name in ("ingest", "stream", "transcriber")
    ),
}
"""The arrows, by the folder whose `network.yaml` allows them."""


def policies(place: str) -> list[dict[str, object]]:
    """The NetworkPolicies of a folder: in the base, first, everything is denied."""
    arrows = ARROWS[place]
    ours = dict.fromkeys(
        name for arrow in arrows for name in (arrow.source, arrow.target) if name not in OUTSIDE
    )
    suffix = "" if place == "base" else f"-{place.rpartition('/')[2]}"
    allowed = [_policy(f"{name}{suffix}", name, arrows) for name in ours]
    return [_deny_all(), *allowed] if place == "base" else allowed


def _deny_all() -> dict[str, object]:
    return _manifest("deny-all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})


def _policy(name: str, pod: str, arrows: Iterable[Arrow]) -> dict[str, object]:
    incoming = [
        {"from": [_peer(arrow.source)], "ports": [_port(arrow)]}
        for arrow in arrows
        if arrow.target == pod
    ]
    outgoing = [
        {"to": [_peer(arrow.target)], "ports": [_port(arrow)]}
        for arrow in arrows
        if arrow.source == pod
    ]
    rules = {"Ingress": incoming, "Egress": outgoing}
    spec: dict[str, object] = {"podSelector": _pods(pod)}
    spec["policyTypes"] = [kind for kind, listed in rules.items() if listed]
    spec |= {kind.lower(): listed for kind, listed in rules.items() if listed}
    return _manifest(name, spec)


def _manifest(name: str, spec: dict[str, object]) -> dict[str, object]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _peer(name: str) -> Peer:
    return OUTSIDE.get(name) or {"podSelector": _pods(name)}


def _pods(name: str) -> dict[str, object]:
    return {"matchLabels": {"app.kubernetes.io/name": name}}


def _port(arrow: Arrow) -> dict[str, object]:
    return {"port": arrow.port, "protocol": arrow.protocol}
