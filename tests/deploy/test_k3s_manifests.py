"""The manifests of k3s render, conform to schemas, and name nothing that is not there."""

import re
from pathlib import Path
from typing import cast

import pytest

from deploy.k3s import renew
from deploy.k3s.secrets import SECRETS, manifest
from shared import settings
from shared.rights import users
from shared.rights_config import variable
from shared.settings import IngestSettings, NatsSettings
from shared.topology import topology
from tests.support import k3s_links, k3s_pods, k3s_schemas, locks, manifests
from tests.support.k3s import K3S, OVERLAYS, copied, render_site, rendered, site
from tests.support.manifests import Node, at, environment, node, nodes, of_kind, pods
from tests.support.repository import ROOT

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def find(documents: list[Node], name: str) -> Node:
    [found] = [each for each in documents if manifests.name_of(each) == name]
    return found


def pod_spec(documents: list[Node], name: str) -> Node:
    return node(at(find(documents, name), "spec", "template", "spec"))


# --- schemas ---


def test_the_overlays_are_those_that_there_are() -> None:
    assert {path.name for path in (K3S / "overlays").iterdir()} == set(OVERLAYS)


@every_overlay
def test_an_overlay_conforms_to_the_schemas(overlay: str) -> None:
    assert k3s_schemas.faults(rendered(overlay)) == []


@pytest.mark.parametrize(
    "path", [K3S / "node" / "traefik.yaml", K3S / "node" / "nvidia-device-plugin.yaml"]
)
def test_what_goes_to_the_node_conforms_to_the_schemas(path: Path) -> None:
    assert k3s_schemas.faults(manifests.read(path)) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("IngressRoute/echobase", ("spec", "tls")),
        ("Middleware/to-https", ("spec", "redirectScheme")),
        ("TLSOption/echobase", ("spec",)),
        ("ScaledObject/transcriber", ("spec", "scaleTargetRef")),
        ("Deployment/stream", ("spec", "template", "spec")),
        ("NetworkPolicy/deny-all", ("spec",)),
    ],
)
def test_an_unknown_field_is_found(name: str, place: tuple[str, ...]) -> None:
    documents = rendered("cluster")
    node(at(find(documents, name), *place))["unknown"] = "x"
    assert len(k3s_schemas.faults(documents)) == 1


def test_an_unknown_kind_is_found() -> None:
    fault: Node = {"apiVersion": "x.example/v1", "kind": "Odd", "metadata": {"name": "x"}}
    assert len(k3s_schemas.faults([fault])) == 1


# --- what is made from data ---


def test_the_made_files_are_those_of_the_data() -> None:
    """`python -m deploy.k3s.renew` after a change of rights, routes, arrows or lanes."""
    stale = [n for n, text in renew.files().items() if (K3S / n).read_text("utf-8") != text]
    assert stale == []


@every_overlay
def test_nats_knows_every_user(overlay: str) -> None:
    documents = rendered(overlay)
    assert k3s_links.data(documents, "nats")["users.conf"] == renew.files()["base/users.conf"]
    [container] = [
        c for p in pods(documents) if p.owner == "StatefulSet/nats" for c in p.containers
    ]
    env = environment(container, documents)
    wanted = {variable(user.name): f"<echobase-nats-{user.name}>" for user in users()}
    assert {name: env.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("service", ["ingest", "stream", "transcriber"])
def test_a_service_logs_in_as_itself(service: str) -> None:
    documents = rendered("edge-cpu")
    [pod] = [pod for pod in pods(documents) if pod.name == service]
    env = environment(pod.containers[0], documents)
    assert env["ECHOBASE_NATS_USER"] == service
    assert env["ECHOBASE_NATS_PASSWORD"] == f"<echobase-nats-{service}>"


# --- links ---


@every_overlay
def test_everything_named_is_there(overlay: str) -> None:
    documents = rendered(overlay)
    assert k3s_links.dangling(documents) == []
    assert k3s_links.unmounted(documents) == []
    assert k3s_links.unreachable(documents) == []


@pytest.mark.parametrize(
    "gone",
    [
        "ServiceAccount/echobase",
        "PersistentVolumeClaim/models",
        "PersistentVolume/echobase-watch",
        "Service/ingest-headless",
        "Service/stream",
        "Middleware/to-https",
        "TLSOption/echobase",
    ],
)
def test_a_dangling_name_is_found(gone: str) -> None:
    documents = [each for each in rendered("edge-cpu") if manifests.name_of(each) != gone]
    found = k3s_links.dangling(documents)
    assert found
    assert all(fault.endswith(f"no {gone}") for fault in found)


def test_a_volume_that_is_not_there_is_found() -> None:
    documents = rendered("edge-cpu")
    nodes(pod_spec(documents, "Deployment/stream")["volumes"])[0]["name"] = "other"
    assert k3s_links.unmounted(documents) == ["Deployment/stream: data", "Deployment/stream: other"]


def test_a_service_to_no_port_is_found() -> None:
    documents = rendered("edge-cpu")
    nodes(at(find(documents, "Service/stream"), "spec", "ports"))[0]["targetPort"] = "other"
    assert k3s_links.unreachable(documents) == ["Service/stream: other of stream"]


def test_kustomizations_name_files_that_are_there_and_all_of_them() -> None:
    assert k3s_links.missing_files(K3S) == []


def test_a_missing_file_and_a_stray_one_are_found(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    (copy / "base" / "stream.yaml").rename(copy / "base" / "forgotten.yaml")
    assert k3s_links.missing_files(copy) == [
        "base: no stream.yaml",
        "base: nothing uses forgotten.yaml",
    ]


# --- settings, secrets, sizes ---


def unknown_variables(documents: list[Node]) -> list[str]:
    """Variables of ours that no setting reads."""
    known = {n for kind in settings.ALL for v in settings.variables(kind) for n in v.names}
    known |= set(settings.IGNORED)
    return sorted(
        {
            name
            for pod in pods(documents)
            for container in pod.all_containers
            for name in environment(container, documents)
            if name.startswith(("ECHOBASE_", "WHISPER_", "CALL_")) and name not in known
        }
    )


@every_overlay
def test_the_settings_are_known_and_allowed(overlay: str) -> None:
    documents = rendered(overlay)
    assert unknown_variables(documents) == []
    for pod in pods(documents):
        for container in pod.all_containers:
            env = environment(container, documents)
            for kind in settings.ALL:
                settings.load(kind, env)


def test_a_variable_that_nothing_reads_is_found() -> None:
    documents = rendered("edge-cpu")
    container = nodes(pod_spec(documents, "Deployment/stream")["containers"])[0]
    cast("list[Node]", container["env"]).append({"name": "ECHOBASE_STREEM_PORT", "value": "1"})
    assert unknown_variables(documents) == ["ECHOBASE_STREEM_PORT"]


@every_overlay
def test_the_secrets_are_those_that_are_made_on_the_node(overlay: str) -> None:
    made = {(secret.name, key) for secret in SECRETS for key in secret.keys}
    assert k3s_pods.secrets_wanted(rendered(overlay)) - made == set()


def test_every_secret_is_wanted_somewhere() -> None:
    wanted = {name for o in OVERLAYS for name, _ in k3s_pods.secrets_wanted(rendered(o))}
    assert wanted == {secret.name for secret in SECRETS}


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
@pytest.mark.parametrize("host", ["radio.example.org", "192.0.2.7"])
def test_a_secret_that_is_made_conforms(secret: object, host: str) -> None:
    [found] = [each for each in SECRETS if each is secret]
    made = manifest(found, host)
    assert k3s_schemas.faults([made]) == []
    assert manifest(found, host)["stringData"] != made["stringData"]


def test_what_nats_and_the_spool_may_keep_fits_into_their_volumes() -> None:
    documents = rendered("edge-cpu")
    [limit] = re.findall(r"max_file_store: (\S+)", k3s_links.data(documents, "nats")["nats.conf"])
    streams = sum(stream.max_bytes for stream in topology().streams)
    assert streams <= k3s_links.size(limit) < k3s_links.claimed(documents, "StatefulSet/nats")
    [ingest] = [pod for pod in pods(documents) if pod.name == "ingest"]
    own = settings.load(IngestSettings, environment(ingest.containers[0], documents))
    most = own.spool_max_bytes + own.spool_min_free_bytes
    assert most < k3s_links.claimed(documents, "StatefulSet/ingest")


def test_a_cluster_keeps_as_many_copies_as_it_has_servers() -> None:
    documents = rendered("cluster")
    [pod] = [pod for pod in pods(documents) if pod.name == "nats"]
    env = k3s_links.data(documents, "settings")
    assert settings.load(NatsSettings, env).nats_replicas == pod.replicas == 3


# --- images ---


@every_overlay
def test_images_have_versions_and_no_registry(overlay: str) -> None:
    documents = rendered(overlay)
    assert k3s_pods.loose(documents) == []
    ours = [image for image in k3s_pods.images(documents) if image.startswith("echobase-")]
    assert {image.partition(":")[2] for image in ours} == {locks.project(ROOT).version}


@every_overlay
def test_a_site_pins_every_image_by_its_digest(overlay: str, tmp_path: Path) -> None:
    names = sorted({image.partition(":")[0] for image in k3s_pods.images(rendered(overlay))})
    digest = f"sha256:{'0' * 64}"
    pins = "images:\n" + "".join(
        f"  - name: {name}\n    newName: registry.example:5000/{name}\n    digest: {digest}\n"
        for name in names
    )
    documents = render_site(tmp_path, site(f"../overlays/{overlay}", [], pins))
    assert k3s_pods.unpinned(documents) == []


def test_loose_images_are_found() -> None:
    documents = rendered("edge-cpu")
    containers = nodes(pod_spec(documents, "Deployment/stream")["containers"])
    for image in ("echobase-stream", "a:latest", "registry.example/a:1", "localhost:5000/a:1"):
        containers[0]["image"] = image
        assert k3s_pods.loose(documents) == [image]
        assert image in k3s_pods.unpinned(documents)


@pytest.mark.parametrize("name", sorted(path.name for path in (K3S / "components").iterdir()))
def test_every_component_goes_with_the_base(name: str, tmp_path: Path) -> None:
    documents = render_site(tmp_path, site("../base", [f"../components/{name}"]))
    assert k3s_schemas.faults(documents) == []
    assert k3s_pods.restricted(documents) == []


def test_a_watched_folder_is_on_the_disk_of_a_node() -> None:
    documents = rendered("edge-cpu")
    [volume] = of_kind(documents, "PersistentVolume")
    assert at(volume, "spec", "local", "path") == "/var/lib/echobase/watch"
    [pod] = [pod for pod in pods(documents) if pod.name == "ingest"]
    place = environment(pod.containers[0], documents)["CALL_WATCH_PATH"]
    mounts = {m["mountPath"]: m["name"] for m in nodes(pod.containers[0].get("volumeMounts"))}
    assert mounts[place] == "watch"


def test_the_kustomization_of_the_documentation_is_one(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "README.md").read_text("utf-8")
    [example] = re.findall(r"```yaml\n(# deploy/k3s/site/.*?)```", text, re.DOTALL)
    documents = render_site(tmp_path, example)
    assert k3s_schemas.faults(documents) == []
    assert k3s_links.data(documents, "settings")["WHISPER_MODEL_NAME"] == "small.en"
    found = {image.partition(":")[0] for image in k3s_pods.images(documents)}
    assert "echobase.internal/echobase-ingest" in found
