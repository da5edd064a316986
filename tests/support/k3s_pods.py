"""Checks of pods: each takes rendered manifests and says what is wrong with them."""

import re
from collections.abc import Iterable, Iterator

from tests.support.manifests import Node, Pod, at, name_of, node, nodes, of_kind, pods, texts

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}\Z")
_HOST = re.compile(r"^[^/]*[.:][^/]*/")
_SECRET_NAMES = re.compile(r"PASSWORD|SECRET|TOKEN|API_KEY|ACCESS_KEY|PRIVATE")
_ALLOWED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip


def restricted(documents: Iterable[Node]) -> list[str]:
    """Faults against Pod Security's level `restricted`."""
    return [
        f"{pod.owner}: {fault}"
        for pod in pods(documents)
        for fault in (*_pod_restricted(pod), *_containers_restricted(pod))
    ]


def _pod_restricted(pod: Pod) -> Iterator[str]:
    yield from (each for each in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(each))
    context = node(pod.spec.get("securityContext"))
    if context.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not set"
    if context.get("runAsUser") == 0:
        yield "runs as root"
    if at(context, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost"):
        yield "no seccomp profile"
    if context.get("sysctls"):
        yield "sysctls"
    for volume in nodes(pod.spec.get("volumes")):
        if kinds := set(volume) - {"name"} - _ALLOWED_VOLUMES:
            yield f"volume {volume.get('name')} is a {', '.join(kinds)}"


def _containers_restricted(pod: Pod) -> Iterator[str]:
    for container in pod.all_containers:
        name = container.get("name")
        context = node(container.get("securityContext"))
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may escalate"
        if context.get("privileged"):
            yield f"{name} is privileged"
        if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
            yield f"{name} runs as root"
        if texts(at(context, "capabilities", "drop")) != ["ALL"]:
            yield f"{name} keeps capabilities"
        if set(texts(at(context, "capabilities", "add"))) - {"NET_BIND_SERVICE"}:
            yield f"{name} adds capabilities"
        if any(port.get("hostPort") for port in nodes(container.get("ports"))):
            yield f"{name} has a port of the host"


def namespace_restricted(documents: Iterable[Node]) -> list[str]:
    """Namespaces of ours in which Kubernetes itself does not insist on it."""
    return [
        name_of(each)
        for each in of_kind(documents, "Namespace")
        if at(each, "metadata", "labels", "pod-security.kubernetes.io/enforce") != "restricted"
    ]


def sealed(documents: Iterable[Node]) -> list[str]:
    """Faults beyond `restricted`: a root that can be written, access to Kubernetes, no user."""
    faults: list[str] = []
    for pod in pods(documents):
        if pod.spec.get("automountServiceAccountToken") is not False:
            faults.append(f"{pod.owner}: has a token for Kubernetes")
        if at(pod.spec, "securityContext", "runAsUser") != 10001:
            faults.append(f"{pod.owner}: is not user 10001")
        faults += [
            f"{pod.owner}: {container['name']} may write its root"
            for container in pod.all_containers
            if at(container, "securityContext", "readOnlyRootFilesystem") is not True
        ]
    return faults


def probed(documents: Iterable[Node]) -> list[str]:
    """Containers that serve and lack a probe, or whose probe asks a port that they do not have."""
    faults: list[str] = []
    for pod in pods(documents):
        if pod.kind in ("Job", "CronJob"):
            continue
        for container in pod.containers:
            ports = {port.get("name") for port in nodes(container.get("ports"))}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = at(container, probe, "httpGet")
                if asked is None:
                    faults.append(f"{pod.owner}: {container['name']} has no {probe}")
                elif at(asked, "port") not in ports:
                    faults.append(f"{pod.owner}: {probe} asks {at(asked, 'port')}, no port of its")
    return faults


def limited(documents: Iterable[Node]) -> list[str]:
    """Containers without requests and limits of CPU and memory, and disks without a bound."""
    faults: list[str] = []
    for pod in pods(documents):
        faults += [
            f"{pod.owner}: {container['name']} has no {kind}.{what}"
            for container in pod.all_containers
            for kind in ("requests", "limits")
            for what in ("cpu", "memory")
            if at(container, "resources", kind, what) is None
        ]
        faults += [
            f"{pod.owner}: volume {volume['name']} has no limit"
            for volume in nodes(pod.spec.get("volumes"))
            if "emptyDir" in volume and at(volume, "emptyDir", "sizeLimit") is None
        ]
    return faults


def images(documents: Iterable[Node]) -> list[str]:
    """Every container's image."""
    return [str(c.get("image")) for pod in pods(documents) for c in pod.all_containers]


def unpinned(documents: Iterable[Node]) -> list[str]:
    """Images without a digest."""
    return sorted({image for image in images(documents) if not _DIGEST.match(image)})


def loose(documents: Iterable[Node]) -> list[str]:
    """Images without a version, or with a registry in their name: a site chooses its own."""
    return sorted(
        {
            image
            for image in images(documents)
            if ":" not in image.rpartition("/")[2]
            or image.endswith(":latest")
            or _HOST.match(image)
        }
    )


def secrets(documents: Iterable[Node]) -> list[str]:
    """Secrets in the manifests, and variables that hold one openly."""
    documents = list(documents)
    faults = [name_of(each) for each in of_kind(documents, "Secret")]
    for pod in pods(documents):
        faults += [
            f"{pod.owner}: {each['name']}"
            for container in pod.all_containers
            for each in nodes(container.get("env"))
            if each.get("value") and _SECRET_NAMES.search(str(each["name"]))
        ]
    for each in of_kind(documents, "ConfigMap"):
        faults += [
            f"{name_of(each)}: {name}"
            for name in node(each.get("data"))
            if _SECRET_NAMES.search(name)
        ]
    return faults


def disruptions(documents: Iterable[Node]) -> list[str]:
    """Budgets that protect nothing, and replicated workloads without one."""
    documents = list(documents)
    budgets = {
        str(at(each, "spec", "selector", "matchLabels", "app.kubernetes.io/name"))
        for each in of_kind(documents, "PodDisruptionBudget")
    }
    several = {pod.name for pod in pods(documents) if pod.replicas is not None and pod.replicas > 1}
    return [
        *(f"{name} has a budget but no second pod" for name in sorted(budgets - several)),
        *(f"{name} has several pods but no budget" for name in sorted(several - budgets)),
    ]


def secrets_wanted(documents: Iterable[Node]) -> set[tuple[str, str]]:
    """Name and key of every Secret that the manifests refer to."""
    documents = list(documents)
    refs = [
        ref
        for pod in pods(documents)
        for container in pod.all_containers
        for each in nodes(container.get("env"))
        if (ref := node(at(each, "valueFrom", "secretKeyRef")))
    ]
    wanted = {(str(ref["name"]), str(ref["key"])) for ref in refs}
    for each in of_kind(documents, "IngressRoute"):
        if name := at(each, "spec", "tls", "secretName"):
            wanted.add((str(name), "tls"))
    return wanted
