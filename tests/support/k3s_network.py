"""The arrows that NetworkPolicies allow, read back from the policies."""

from collections.abc import Iterable, Iterator

from deploy.k3s.network import OUTSIDE, Arrow
from tests.support.manifests import Node, at, name_of, node, nodes, of_kind, pods, texts


def arrows(documents: Iterable[Node]) -> set[Arrow]:
    """Connections that are let out at one end and in at the other.

    Those who are not ours have no policy of ours, so that one end is enough.
    """
    documents = list(documents)
    ours = {pod.name for pod in pods(documents)}
    incoming, outgoing = set(_rules(documents, "ingress")), set(_rules(documents, "egress"))
    return {
        arrow
        for arrow in incoming | outgoing
        if (arrow.target not in ours or arrow in incoming)
        and (arrow.source not in ours or arrow in outgoing)
    }


def open_pods(documents: Iterable[Node]) -> list[str]:
    """`deny-all`, if no policy denies everything to every pod in both directions."""
    for each in of_kind(documents, "NetworkPolicy"):
        spec = node(each.get("spec"))
        kinds = set(texts(spec.get("policyTypes")))
        if spec.get("podSelector") == {} and kinds == {"Ingress", "Egress"}:
            return [name_of(each)] if spec.get("ingress") or spec.get("egress") else []
    return ["nothing denies everything"]


def unknown_pods(documents: Iterable[Node]) -> list[str]:
    """Names of the arrows that are neither pods of ours here, nor known outsiders."""
    documents = list(documents)
    known = {pod.name for pod in pods(documents)} | set(OUTSIDE)
    return sorted(
        {
            name
            for arrow in arrows(documents)
            for name in (arrow.source, arrow.target)
            if name not in known
        }
    )


def _rules(documents: Iterable[Node], way: str) -> Iterator[Arrow]:
    for policy in of_kind(documents, "NetworkPolicy"):
        pod = _pods(at(policy, "spec", "podSelector"))
        for rule in nodes(at(policy, "spec", way)):
            # A rule without peers, or without ports, is about all of them.
            peers = nodes(rule.get("from" if way == "ingress" else "to")) or [{}]
            ports = nodes(rule.get("ports")) or [{}]
            for peer in peers:
                for port in ports:
                    ends = (_peer(peer), pod) if way == "ingress" else (pod, _peer(peer))
                    yield Arrow(*ends, *_port(port))


def _peer(peer: Node) -> str:
    for name, known in OUTSIDE.items():
        if peer == known:
            return name
    return _pods(peer.get("podSelector")) if set(peer) == {"podSelector"} else repr(peer)


def _pods(selector: object) -> str:
    labels = node(at(selector, "matchLabels"))
    if set(labels) == {"app.kubernetes.io/name"} and set(node(selector)) == {"matchLabels"}:
        return str(labels["app.kubernetes.io/name"])
    return "every pod" if selector == {} else repr(selector)


def _port(port: Node) -> tuple[int, str]:
    number = port.get("port")
    if not isinstance(number, int) or "endPort" in port:
        return 0, "any"
    return number, str(port.get("protocol", "TCP"))
