"""What holds for every pod, connection and route on k3s; each rule finds a planted fault."""

from collections.abc import Callable, Iterable
from typing import cast

import pytest
import yaml

from deploy.k3s.network import ARROWS, Arrow
from deploy.k3s.routes import PORTS, ROUTES, Service
from deploy.k3s.scaling import PER_WORKER
from shared.subjects import LANES
from shared.topology import JOBS, lane_consumer
from tests.support import k3s_links, k3s_network, k3s_pods, k3s_routes, manifests
from tests.support.k3s import K3S, OVERLAYS, rendered
from tests.support.manifests import Node, at, node, nodes, of_kind
from tests.support.routes import served_by

Check = Callable[[Iterable[Node]], list[str]]
Plant = Callable[[list[Node]], object]
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
DEPLOYED = ("edge-cpu", "edge-gpu", "cluster")


def find(documents: list[Node], name: str) -> Node:
    [found] = [each for each in documents if manifests.name_of(each) == name]
    return found


def pod_spec(documents: list[Node], name: str = "Deployment/stream") -> Node:
    return node(at(find(documents, name), "spec", "template", "spec"))


def container(documents: list[Node], name: str = "Deployment/stream") -> Node:
    return nodes(pod_spec(documents, name)["containers"])[0]


# --- pods ---


@every_overlay
@pytest.mark.parametrize(
    "check",
    [
        k3s_pods.restricted,
        k3s_pods.namespace_restricted,
        k3s_pods.probed,
        k3s_pods.limited,
        k3s_pods.secrets,
        k3s_pods.disruptions,
        k3s_links.ungraceful,
        k3s_routes.middlewares,
    ],
)
def test_a_rule_holds(check: Check, overlay: str) -> None:
    assert check(rendered(overlay)) == []


@pytest.mark.parametrize("overlay", DEPLOYED)
def test_pods_are_sealed_where_nobody_develops(overlay: str) -> None:
    assert k3s_pods.sealed(rendered(overlay)) == []


POD_FAULTS: list[tuple[Check, Plant]] = [
    (k3s_pods.restricted, lambda d: pod_spec(d).update(hostNetwork=True)),
    (k3s_pods.restricted, lambda d: node(pod_spec(d)["securityContext"]).pop("runAsNonRoot")),
    (k3s_pods.restricted, lambda d: node(pod_spec(d)["securityContext"]).update(runAsUser=0)),
    (k3s_pods.restricted, lambda d: node(pod_spec(d)["securityContext"]).pop("seccompProfile")),
    (
        k3s_pods.restricted,
        lambda d: cast("list[Node]", pod_spec(d)["volumes"]).append(
            {"name": "host", "hostPath": {"path": "/"}}
        ),
    ),
    (
        k3s_pods.restricted,
        lambda d: node(container(d)["securityContext"]).update(allowPrivilegeEscalation=True),
    ),
    (k3s_pods.restricted, lambda d: node(container(d)["securityContext"]).update(privileged=True)),
    (k3s_pods.restricted, lambda d: node(container(d)["securityContext"]).pop("capabilities")),
    (
        k3s_pods.restricted,
        lambda d: node(container(d)["securityContext"]).update(
            capabilities={"drop": ["ALL"], "add": ["NET_RAW"]}
        ),
    ),
    (k3s_pods.restricted, lambda d: nodes(container(d)["ports"])[0].update(hostPort=80)),
    (
        k3s_pods.restricted,
        lambda d: node(
            nodes(pod_spec(d, "Deployment/transcriber")["initContainers"])[0]["securityContext"]
        ).update(runAsUser=0),
    ),
    (
        k3s_pods.namespace_restricted,
        lambda d: node(at(find(d, "Namespace/echobase"), "metadata", "labels")).clear(),
    ),
    (k3s_pods.probed, lambda d: container(d).pop("readinessProbe")),
    (
        k3s_pods.probed,
        lambda d: node(at(container(d), "livenessProbe", "httpGet")).update(port="x"),
    ),
    (k3s_pods.limited, lambda d: node(at(container(d), "resources", "limits")).pop("memory")),
    (k3s_pods.limited, lambda d: node(at(container(d), "resources", "requests")).pop("cpu")),
    (k3s_pods.limited, lambda d: node(nodes(pod_spec(d)["volumes"])[0]["emptyDir"]).clear()),
    (k3s_pods.secrets, lambda d: d.append({"kind": "Secret", "metadata": {"name": "x"}})),
    (
        k3s_pods.secrets,
        lambda d: cast("list[Node]", container(d)["env"]).append(
            {"name": "ECHOBASE_NATS_PASSWORD", "value": "x"}
        ),
    ),
    (
        k3s_pods.secrets,
        lambda d: node(of_kind(d, "ConfigMap")[0]["data"]).update(ECHOBASE_API_KEY="x"),
    ),
    (
        k3s_pods.sealed,
        lambda d: node(container(d)["securityContext"]).update(readOnlyRootFilesystem=False),
    ),
    (k3s_pods.sealed, lambda d: pod_spec(d).pop("automountServiceAccountToken")),
    (k3s_pods.sealed, lambda d: node(pod_spec(d)["securityContext"]).update(runAsUser=1000)),
    (k3s_pods.disruptions, lambda d: node(find(d, "Deployment/stream")["spec"]).update(replicas=1)),
    (k3s_pods.disruptions, lambda d: d.remove(find(d, "PodDisruptionBudget/nats"))),
    (k3s_links.ungraceful, lambda d: pod_spec(d).update(terminationGracePeriodSeconds=30)),
    (
        k3s_routes.middlewares,
        lambda d: node(find(d, "Middleware/to-https")["spec"]).update(compress={}),
    ),
]


@pytest.mark.parametrize(("check", "plant"), POD_FAULTS)
def test_a_planted_fault_is_found(check: Check, plant: Plant) -> None:
    documents = rendered("cluster")
    plant(documents)
    assert len(check(documents)) == 1


# --- connections ---

EXTRA = {
    "dev": ("components/tracing",),
    "edge-cpu": (),
    "edge-gpu": (),
    "cluster": ("components/keda", "components/nats-cluster"),
}


def wanted(overlay: str) -> set[Arrow]:
    return {arrow for place in ("base", *EXTRA[overlay]) for arrow in ARROWS[place]}


@every_overlay
def test_connections_are_exactly_those_that_are_written_down(overlay: str) -> None:
    documents = rendered(overlay)
    assert k3s_network.arrows(documents) == wanted(overlay)
    assert k3s_network.open_pods(documents) == []
    assert k3s_network.unknown_pods(documents) == []


def policy(documents: list[Node], name: str, way: str) -> list[Node]:
    spec = node(find(documents, f"NetworkPolicy/{name}")["spec"])
    return cast("list[Node]", spec[way])


CONNECTION_FAULTS: list[tuple[Plant, Arrow]] = [
    # One end alone opens nothing, and closes it.
    (lambda d: policy(d, "ingest", "egress").pop(0), Arrow("ingest", "nats", 4222)),
    (lambda d: policy(d, "nats", "ingress").pop(0), Arrow("ingest", "nats", 4222)),
    (
        lambda d: policy(d, "stream", "egress").append(
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}
        ),
        Arrow("stream", "{'ipBlock': {'cidr': '0.0.0.0/0'}}", 443),
    ),
    (
        lambda d: policy(d, "stream", "ingress").append({"ports": [{"port": 3000}]}),
        Arrow("{}", "stream", 3000),
    ),
    (
        lambda d: policy(d, "stream", "ingress").append({"from": [{"podSelector": {}}]}),
        Arrow("every pod", "stream", 0, "any"),
    ),
    (
        lambda d: policy(d, "stream", "egress").append({}),
        Arrow("stream", "{}", 0, "any"),
    ),
]


@pytest.mark.parametrize(("plant", "found"), CONNECTION_FAULTS)
def test_another_connection_is_found(plant: Plant, found: Arrow) -> None:
    documents = rendered("edge-cpu")
    plant(documents)
    assert k3s_network.arrows(documents) ^ wanted("edge-cpu") == {found}


NOT_DENIED: list[Plant] = [
    lambda d: d.remove(find(d, "NetworkPolicy/deny-all")),
    lambda d: node(find(d, "NetworkPolicy/deny-all")["spec"]).update(egress=["anywhere"]),
    lambda d: node(find(d, "NetworkPolicy/deny-all")["spec"]).update(policyTypes=["Ingress"]),
]


@pytest.mark.parametrize("plant", NOT_DENIED)
def test_what_is_not_denied_is_found(plant: Plant) -> None:
    documents = rendered("edge-cpu")
    plant(documents)
    assert len(k3s_network.open_pods(documents)) == 1


def test_a_policy_for_nobody_is_found() -> None:
    documents = [each for each in rendered("edge-cpu") if each["kind"] != "StatefulSet"]
    assert k3s_network.unknown_pods(documents) == ["ingest", "nats", "store"]


# --- scaling ---


def lanes(documents: list[Node]) -> dict[str, list[object]]:
    triggers = nodes(at(find(documents, "ScaledObject/transcriber"), "spec", "triggers"))
    return {
        str(each["name"]): [
            at(each, "metadata", name) for name in ("account", "stream", "consumer")
        ]
        for each in triggers
    }


def test_keda_counts_what_waits_for_the_topologys_consumers() -> None:
    documents = rendered("cluster")
    assert lanes(documents) == {lane: ["$G", JOBS.name, lane_consumer(lane).name] for lane in LANES}
    assert set(PER_WORKER) == set(LANES)
    spec = node(find(documents, "ScaledObject/transcriber")["spec"])
    assert spec["minReplicaCount"] == 0
    [endpoint] = {
        at(each, "metadata", "natsServerMonitoringEndpoint") for each in nodes(spec["triggers"])
    }
    service, _, port = str(endpoint).partition(".echobase.svc.cluster.local:")
    ports = nodes(at(find(documents, f"Service/{service}"), "spec", "ports"))
    assert int(port) in [each["port"] for each in ports]
    # The manifest does not fight with the scaler.
    assert "replicas" not in node(find(documents, "Deployment/transcriber")["spec"])


def test_only_the_cluster_needs_keda() -> None:
    assert [o for o in OVERLAYS if of_kind(rendered(o), "ScaledObject")] == ["cluster"]


def test_with_one_gpu_there_is_one_transcriber_at_a_time() -> None:
    documents = rendered("edge-gpu")
    found = find(documents, "Deployment/transcriber")
    assert at(found, "spec", "strategy") == {"type": "Recreate"}
    assert at(found, "spec", "replicas") == 1
    spec = pod_spec(documents, "Deployment/transcriber")
    assert spec["runtimeClassName"] == "nvidia"
    [image] = {c["image"] for c in [*nodes(spec["initContainers"]), *nodes(spec["containers"])]}
    assert str(image).startswith("echobase-transcriber-cuda:")
    [plugin] = manifests.read(K3S / "node" / "nvidia-device-plugin.yaml")
    assert at(plugin, "spec", "template", "spec", "runtimeClassName") == "nvidia"


@every_overlay
def test_what_was_accepted_outlives_its_pod(overlay: str) -> None:
    documents = rendered(overlay)
    for each in of_kind(documents, "StatefulSet"):
        kept = at(each, "spec", "persistentVolumeClaimRetentionPolicy")
        assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    config = k3s_links.data(documents, "nats")["nats.conf"]
    assert "\n  sync_interval: always\n" in config
    assert "terminationGracePeriodSeconds" in pod_spec(documents, "StatefulSet/nats")


# --- routes ---


def misrouted(documents: list[Node], served: dict[Service, set[tuple[str, str]]]) -> list[str]:
    """Routes of a service that Traefik would not send to it, or to another one too."""
    return sorted(
        f"{method} {path}"
        for service, routes in served.items()
        for method, path in routes
        if k3s_routes.chosen(documents, method, path) != {f"{service}:{PORTS[service]}"}
    )


def table() -> dict[Service, set[tuple[str, str]]]:
    return {
        service: {
            (method, route.path.replace("*", "x/y"))
            for route in ROUTES
            if route.service == service
            for method in route.methods
        }
        for service in PORTS
    }


@every_overlay
def test_routes_are_those_of_the_table(overlay: str) -> None:
    documents = rendered(overlay)
    assert misrouted(documents, table()) == []
    rules = nodes(at(find(documents, "IngressRoute/echobase"), "spec", "routes"))
    assert len(rules) == len(ROUTES)


def test_routes_are_those_that_the_services_describe() -> None:
    """What OpenAPI says, the page, and the documentation."""
    assert misrouted(rendered("edge-cpu"), served_by()) == []


@pytest.mark.parametrize("request_", ["GET /health/live", "PUT /v1/recordings", "GET /v1/keysx"])
def test_what_nobody_serves_is_sent_to_nobody(request_: str) -> None:
    method, _, path = request_.partition(" ")
    assert k3s_routes.chosen(rendered("edge-cpu"), method, path) == set()


def test_a_route_that_is_missing_or_goes_elsewhere_is_found() -> None:
    documents = rendered("edge-cpu")
    rules = nodes(at(find(documents, "IngressRoute/echobase"), "spec", "routes"))
    [upload] = [r for r in rules if r["match"] == "Method(`POST`) && Path(`/v1/recordings`)"]
    upload["match"] = "Method(`POST`) && Path(`/v1/recording`)"
    [events] = [r for r in rules if "Path(`/v1/events`)" in str(r["match"])]
    nodes(events["services"])[0].update(name="ingest", port=3001)
    assert misrouted(documents, table()) == ["GET /v1/events", "POST /v1/recordings"]


@every_overlay
def test_the_host_speaks_tls_alone(overlay: str) -> None:
    documents = rendered(overlay)
    assert at(find(documents, "IngressRoute/echobase"), "spec", "tls", "secretName")
    plain = [
        each
        for each in of_kind(documents, "IngressRoute")
        if at(each, "spec", "entryPoints") != ["websecure"]
    ]
    [rule] = [rule for each in plain for rule in nodes(at(each, "spec", "routes"))]
    assert rule["middlewares"] == [{"name": "to-https"}]
    assert rule["services"] == [{"kind": "TraefikService", "name": "noop@internal"}]


def test_traefik_lets_uploads_take_their_time() -> None:
    [config] = manifests.read(K3S / "node" / "traefik.yaml")
    values = yaml.safe_load(str(at(config, "spec", "valuesContent")))
    entry = "--entryPoints.websecure.transport.respondingTimeouts"
    assert f"{entry}.readTimeout=4h" in values["additionalArguments"]
    assert f"{entry}.writeTimeout=0" in values["additionalArguments"]
