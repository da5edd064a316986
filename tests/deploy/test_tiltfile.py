"""The Tiltfile, evaluated without Tilt and held against the tree. No cluster is here to run it."""

from collections.abc import Sequence
from functools import cache

import pytest
import starlark
import yaml

from shared.settings import IngestSettings, LocalSettings, StreamSettings, TranscriberSettings
from tests.support import kustomize
from tests.support.repository import ROOT
from tests.support.tilt import Tilt, evaluate
from tests.support.tilt_checks import Manifest, faults, stages

TILTFILE = (ROOT / "Tiltfile").read_text("utf-8")
PORTS = {
    "ingest": IngestSettings().ingest_port,
    "stream": StreamSettings().stream_port,
    "transcriber": TranscriberSettings().transcriber_port,
    "nats": LocalSettings().nats_port,
}
SERVICES = ("ingest", "stream", "transcriber")
LOCKS = "['uv', 'stream', 'ingest']"


@cache
def manifests() -> Sequence[Manifest]:
    """What Tilt would apply."""
    rendered = kustomize.find().render(ROOT / "deploy/k3s/overlays/dev")
    return list(yaml.safe_load_all(rendered))


def examined(text: str) -> list[str]:
    return faults(evaluate(text), ROOT, manifests(), PORTS)


def test_the_tiltfile_fits_the_tree_the_images_the_manifests_and_the_settings() -> None:
    assert examined(TILTFILE) == []


def test_it_builds_three_images_and_applies_the_dev_overlay() -> None:
    tilt = evaluate(TILTFILE)
    assert {image.ref.removeprefix("echobase-") for image in tilt.images} == set(SERVICES)
    assert {image.target for image in tilt.images} == {"dev"}
    assert tilt.rendered == ["deploy/k3s/overlays/dev"]


def test_all_of_a_services_code_goes_into_the_running_container() -> None:
    for image in evaluate(TILTFILE).images:
        name = image.ref.removeprefix("echobase-")
        synced = {(sync.local, sync.remote) for sync in image.syncs}
        wanted = ("shared", "services/__init__.py", f"services/{name}")
        assert synced == {(path, f"/app/{path}") for path in wanted}
        assert f"requirements/{name}.txt" in image.fall_backs


def test_the_dev_images_run_the_reloader_on_code_that_can_be_written() -> None:
    for name in SERVICES:
        text = (ROOT / f"services/{name}/Dockerfile").read_text("utf-8")
        [dev] = [part for part in text.split("\nFROM ") if " AS dev\n" in part]
        assert f'CMD ["python", "-m", "shared.reload", "services.{name}"]' in dev
        copies = [line for line in dev.splitlines() if line.startswith("COPY") and " /app" in line]
        assert copies
        assert [line for line in copies if "--chown=10001:10001" not in line] == []


def test_what_is_checked_by_hand_does_not_run_by_itself() -> None:
    buttons = {each.name for each in evaluate(TILTFILE).resources if not each.auto_init}
    assert buttons == {"lint", "test-fast", "test"}


def test_a_cluster_and_a_registry_are_named_by_the_environment_alone() -> None:
    assert settled(evaluate(TILTFILE)) == ([], "")
    env = {"ECHOBASE_TILT_CONTEXT": "default", "ECHOBASE_TILT_REGISTRY": "localhost:5000"}
    assert settled(evaluate(TILTFILE, env)) == (["default"], "localhost:5000")


def settled(tilt: Tilt) -> tuple[list[str], str]:
    return tilt.contexts, tilt.registry


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("'/app/' + path", "'/srv/' + path", "shared goes to /srv/shared, not below /app"),
        ("'shared', 'services/__init__", "'services/__init__", "the build copies shared"),
        ("'pyproject.toml', 'LICENSE'", "'pyproject.toml'", "the build copies LICENSE"),
        ("'LICENSE'", "'LICENCE'", "there is no LICENCE"),
        ("'LICENSE'", "'LICENSE', 'Makefile'", "`only` has Makefile, which the build does not"),
        (LOCKS, "['uv', 'stream']", "the build copies requirements/ingest.txt"),
        (LOCKS, "['uv', 'streams', 'ingest']", "there is no requirements/streams.txt"),
        ("fall_back_on(made_of)", "fall_back_on(made_of[:1])", "neither copied nor falls back"),
        ("fall_back_on(made_of)", "fall_back_on(['Makefile'])", "Makefile is not watched"),
        ("target='dev'", "target='devel'", "has no stage 'devel'"),
        (
            "'services/%s/Dockerfile'",
            "'services/%s/Containerfile'",
            "there is no services/ingest/C",
        ),
        ("'echobase-' + name", "'echobase/' + name", "use echobase-ingest, which nobody builds"),
        ("overlays/dev", "overlays/devel", "overlays/devel is no folder"),
        ("'3001:3001'", "'3001:3009'", "ingest: no container listens on 3009"),
        ("'3000:3000'", "'8080:3000'", "stream: the settings' port is 3000"),
        ("k8s_resource('store', ", "k8s_resource('stores', ", "there is no workload stores"),
        ("    'topology',\n", "    'ingest',\n", "topology is not configured"),
        ("['nats', 'store']", "['nats', 'shop']", "no resource shop"),
        ("'echobase:namespace'", "'echo:namespace'", "no object echo:namespace"),
        ("['make', target]", "['make', target + 's']", "there is no `make lints`"),
        ("deploy.k3s.secrets", "deploy.k3s.secret", "there is no module deploy.k3s.secret"),
        ("        auto_init=False,\n", "", "lint would run by itself"),
        (
            "        trigger_mode=TRIGGER_MODE_MANUAL,\n        a",
            "        a",
            "would run by itself",
        ),
        ("        labels=['check'],\n", "", "lint has no label"),
    ],
)
def test_a_planted_fault_is_found(old: str, new: str, fault: str) -> None:
    assert old in TILTFILE
    assert any(fault in found for found in examined(TILTFILE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("target='dev'", "stage='dev'", "unexpected keyword argument 'stage'"),
        ("target='dev'", "target=['dev']", "docker_build: target="),
        ("port_forwards=['3001:3001']", "port_forward=['3001:3001']", "'port_forward'"),
        ("labels=['check']", "labels='check'", "local_resource: labels="),
        ("auto_init=False", "auto_init=0", "local_resource: auto_init=0"),
        ("TRIGGER_MODE_MANUAL", "TRIGGER_MODE_BUTTON", "`TRIGGER_MODE_BUTTON` not found"),
        ("TRIGGER_MODE_MANUAL", "'manual'", "trigger_mode='manual'"),
        ("version_settings(", "restart_container(); version_settings(", "`restart_container` not"),
        ("version_settings(", "load('ext://x', 'y')\nversion_settings(", "load"),
        ("fall_back_on(made_of)]", "sync('x', '/x'), fall_back_on(made_of)]", "at the beginning"),
        ("'services/%s/Dockerfile' % name", "f'services/{name}/Dockerfile'", "dialect"),
        ("k8s_yaml(kustomize('deploy/k3s/overlays/dev'))", "k8s_yaml('x.yaml')", "kustomize"),
        ("k8s_resource(new_name='namespace', ", "k8s_resource(", "a workload, or objects and"),
        ("sync(path, '/app/' + path)", "sync(path)", "missing a required argument"),
        ("links=[link(", "links=[blob(", "`blob` not found"),
    ],
)
def test_what_tilt_would_refuse_is_refused(old: str, new: str, complaint: str) -> None:
    assert old in TILTFILE
    with pytest.raises(starlark.StarlarkError) as caught:
        evaluate(TILTFILE.replace(old, new))
    assert complaint in str(caught.value)


def test_a_stage_stands_on_those_before_it_and_on_those_that_it_copies_from() -> None:
    found = stages(
        "FROM base AS one\nWORKDIR /a\nCOPY x y \\\n  /a/\nFROM one AS two\nCOPY --chown=1 z /z\n"
        "FROM base AS three\nWORKDIR /c\nCOPY --from=two /z /z\n"
    )
    assert found["one"].copied == {"x", "y"}
    assert found["two"].copied == {"x", "y", "z"}
    assert found["two"].workdir == "/a"
    assert found["three"].copied == {"x", "y", "z"}
    assert found["three"].workdir == "/c"
