"""`apply` on a site with a stand-in for kubectl: what it does, and how it goes back."""

import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from deploy.airgap import archive, disk, manifest
from deploy.airgap.apply import Applier
from deploy.airgap.commands import airgap
from deploy.airgap.errors import (
    AirgapError,
    BadBundle,
    NoRoom,
    OlderVersion,
    RolloutFailed,
)
from deploy.airgap.report import report
from deploy.k3s.secrets import SECRETS
from tests.support import airgap as small
from tests.support import airgap_scene
from tests.support.airgap_scene import Scene, tree


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return airgap_scene.scene(tmp_path)


def test_a_bundle_comes_first_and_deltas_follow(scene: Scene) -> None:
    packed = scene.desk / "echobase-0.1.1.tar.zst"
    archive.pack(scene.release(1), packed, [manifest.SIGNATURE, manifest.MANIFEST])
    scene.apply(packed)
    assert scene.has(1)
    scene.apply(scene.delta(1, 2))
    assert scene.has(2)
    scene.apply(scene.delta(2, 3))
    assert scene.has(3)
    # The bundle before stays, to go back to; the one before that does not.
    assert len(scene.site.bundles()) == 2
    assert not list(scene.site.root.rglob(f"*{disk.DRAFT}"))
    assert (scene.site.models / "toy-3/model.bin").is_file()


def test_what_is_asked_of_the_cluster(scene: Scene) -> None:
    scene.apply(scene.release(1))
    scene.apply(scene.delta(1, 2))
    asked = scene.calls()
    second = asked[len(asked) - 1 - asked[::-1].index("get --raw /readyz") :]
    images = [f"import {scene.site.images}/{name}.tar" for name in ("ingest", "stream")]
    manifests = next(scene.site.folder.glob("bundles/*/k3s/edge.yaml")).parent
    assert manifests.is_dir()
    shown = [call for call in second if not call.startswith("get secret")]
    assert shown[:3] == ["get --raw /readyz", *images]
    assert shown[3].startswith("apply --server-side")
    assert shown[3].endswith("--filename=-")
    assert shown[4].startswith("delete Job.v1.batch/topology --namespace echobase")
    assert shown[5].startswith("apply --server-side")
    assert shown[6].startswith("rollout status Deployment.v1.apps/stream --namespace echobase")
    assert shown[7].startswith("wait --for=condition=complete Job.v1.batch/topology")
    assert shown[8].startswith("delete ConfigMap/settings-1 --namespace echobase")
    assert len(shown) == 9


def test_secrets_are_made_once_and_never_written_by_us(scene: Scene) -> None:
    scene.apply(scene.release(1))
    made = {path.name: path.read_bytes() for path in (scene.stand_in / "secrets").iterdir()}
    assert set(made) == {secret.name for secret in SECRETS}
    lost = scene.stand_in / "secrets" / SECRETS[0].name
    lost.unlink()
    scene.apply(scene.delta(1, 2))
    again = {path.name: path.read_bytes() for path in (scene.stand_in / "secrets").iterdir()}
    assert {name for name in made if made[name] != again[name]} == {lost.name}
    kept = b"".join(tree(scene.site.folder).values())
    for content in again.values():
        held = msgspec.json.decode(content)["stringData"]
        assert not [value for value in held.values() if value.encode() in kept]


@pytest.mark.parametrize("how", ["delta", "bundle"])
def test_applied_twice_it_does_no_harm(scene: Scene, how: str) -> None:
    scene.apply(scene.release(1))
    second = scene.delta(1, 2) if how == "delta" else scene.release(2)
    scene.apply(second)
    before = scene.site.installed()
    scene.apply(second)
    assert scene.has(2)
    after = scene.site.installed()
    assert before
    assert after
    assert after.previous == before.previous
    assert len(scene.site.bundles()) == 2


def test_a_rollout_that_fails_brings_back_what_was_before(scene: Scene) -> None:
    scene.apply(scene.release(1))
    with pytest.raises(RolloutFailed, match=r"0\.1\.2 .*timed out.*what was before is back"):
        scene.apply(scene.delta(1, 2, broken=True))
    assert scene.has(1)
    assert scene.calls()[-1].startswith("rollout status")
    removed = [call for call in scene.calls() if call.startswith("delete ConfigMap/settings-2")]
    assert len(removed) == 1
    scene.apply(scene.delta(1, 3))
    assert scene.has(3)


def test_a_first_rollout_that_fails_says_that_there_is_nothing_before(scene: Scene) -> None:
    with pytest.raises(RolloutFailed, match="nothing before it"):
        scene.apply(scene.release(1, broken=True))
    assert scene.site.installed() is None
    scene.apply(scene.release(2))
    assert scene.has(2)


def test_a_way_back_that_fails_is_tried_again(scene: Scene) -> None:
    scene.apply(scene.release(1))
    (scene.stand_in / "fail").write_text("rollout status\n")
    with pytest.raises(RolloutFailed, match="did not come back either"):
        scene.apply(scene.delta(1, 2))
    assert "Interrupted: 0.1.2" in report(scene.site, scene.cluster).text()
    with pytest.raises(AirgapError, match=r"0\.1\.2 was interrupted: finish it first"):
        scene.apply(scene.delta(1, 3))
    (scene.stand_in / "fail").unlink()
    with pytest.raises(RolloutFailed, match="what was before is back"):
        Applier(scene.site, scene.cluster, lambda _: None).resume()
    assert scene.has(1)


def test_a_cluster_that_is_away_changes_nothing(scene: Scene) -> None:
    scene.apply(scene.release(1))
    (scene.stand_in / "fail").write_text("readyz\n")
    with pytest.raises(AirgapError, match="nothing was changed"):
        scene.apply(scene.delta(1, 2))
    (scene.stand_in / "fail").unlink()
    assert not scene.has(2)
    Applier(scene.site, scene.cluster, lambda _: None).resume()
    assert scene.has(2)


def test_too_full_a_disk_is_said_before_anything_is_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.apply(scene.release(1))
    second = scene.delta(1, 2)
    usage = shutil.disk_usage(scene.desk)._replace(free=1000)

    def full(_: Path) -> object:
        return usage

    monkeypatch.setattr(disk.shutil, "disk_usage", full)
    with pytest.raises(NoRoom, match="MB more"):
        scene.apply(second)
    monkeypatch.undo()
    scene.apply(second)
    assert scene.has(2)


def test_a_site_without_a_cluster_has_the_bundle_and_nothing_runs(scene: Scene) -> None:
    applier = Applier(scene.site, scene.cluster, lambda _: None)
    applier.apply(scene.release(1), overlay="", host=None)
    applier.apply(scene.delta(1, 2), overlay=None, host=None)
    assert report(scene.site, scene.cluster).good
    assert scene.calls() == []


def test_the_only_overlay_is_taken_and_a_host_is_needed_once(scene: Scene) -> None:
    applier = Applier(scene.site, scene.cluster, lambda _: None)
    with pytest.raises(AirgapError, match="host"):
        applier.apply(scene.release(1), overlay=None, host=None)
    applier.apply(scene.release(1), overlay=None, host="radio.example")
    applier.apply(scene.delta(1, 2), overlay=None, host=None)
    assert scene.has(2)
    with pytest.raises(BadBundle, match="no manifests for other"):
        applier.apply(scene.delta(2, 3), overlay="other", host=None)
    assert scene.has(2)


def test_of_several_overlays_one_is_named(scene: Scene) -> None:
    key, _ = small.key_pair(scene.desk)
    files = small.small(1)
    files["k3s/other.yaml"] = files["k3s/edge.yaml"]
    folder = small.bundle(scene.desk / "echobase-two", files, key)
    applier = Applier(scene.site, scene.cluster, lambda _: None)
    with pytest.raises(AirgapError, match="edge, other"):
        applier.apply(folder, overlay=None, host="radio.example")
    applier.apply(folder, overlay="other", host="radio.example")
    installed = scene.site.installed()
    assert installed
    assert installed.overlay == "other"


def test_a_damaged_site_is_seen_and_mended_by_the_whole_bundle(scene: Scene) -> None:
    scene.apply(scene.release(1))
    installed = scene.site.installed()
    assert installed
    victim = scene.site.bundle(installed.identity) / "wheels/lib-1.0-py3-none-any.whl"
    victim.write_bytes(b"rot" + victim.read_bytes()[3:])
    assert "lib-1.0" in (report(scene.site, scene.cluster).damage or "")
    second = scene.delta(1, 2)
    with pytest.raises(BadBundle):
        scene.apply(second)
    scene.apply(scene.release(1))
    assert scene.has(1)
    scene.apply(second)
    victim.write_bytes(b"rot" + victim.read_bytes()[3:])
    with pytest.raises(BadBundle, match="bring the whole bundle"):
        scene.apply(second)
    scene.apply(scene.release(2))
    assert scene.has(2)


@pytest.mark.parametrize("how", ["cut", "gone"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_site_that_lost_its_manifest_is_mended_too(scene: Scene, how: str, number: int) -> None:
    scene.apply(scene.release(1))
    installed = scene.site.installed()
    assert installed
    folder = scene.site.bundle(installed.identity)
    if how == "cut":
        (folder / manifest.MANIFEST).unlink()
        (folder / manifest.MANIFEST).write_bytes(b"{")
    else:
        shutil.rmtree(folder)
    with pytest.raises(OlderVersion):
        scene.apply(scene.release(0))
    scene.apply(scene.release(number))
    assert scene.has(number)


def test_a_bundle_before_that_is_lost_stands_in_the_way_of_nothing(scene: Scene) -> None:
    scene.apply(scene.release(1))
    installed = scene.site.installed()
    assert installed
    scene.apply(scene.delta(1, 2))
    shutil.rmtree(scene.site.bundle(installed.identity))
    scene.apply(scene.release(2))
    scene.apply(scene.release(3))
    assert scene.has(3)


def test_two_at_once_are_refused(scene: Scene) -> None:
    with scene.site.claimed(), pytest.raises(AirgapError, match="another"):
        scene.apply(scene.release(1))


def test_the_commands(scene: Scene) -> None:
    site = ["--root", str(scene.site.root)]
    cluster = ["--kubectl", str(scene.stand_in / "kubectl")]
    importer = ["--importer", f"{scene.stand_in / 'kubectl'} import", "--overlay", "edge"]
    runner = CliRunner()
    nothing = runner.invoke(airgap, ["status", *site, *cluster])
    assert (nothing.exit_code, nothing.output) == (1, "Nothing is installed.\n")
    applied = runner.invoke(
        airgap,
        [
            "apply",
            str(scene.release(1)),
            *site,
            *cluster,
            *importer,
            "--timeout",
            "1",
            "--host",
            "a",
        ],
    )
    assert applied.output.endswith("EchoBase 0.1.1 (000000000000) is installed\n"), applied.output
    status = runner.invoke(airgap, ["status", *site, *cluster])
    assert status.exit_code == 0
    assert "Rollout:   healthy" in status.output
    told = runner.invoke(airgap, ["status", *site, *cluster, "--json"])
    assert msgspec.json.decode(told.output)["version"] == "0.1.1"
