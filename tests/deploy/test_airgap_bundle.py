"""What goes into a bundle, what is refused, and how a bare machine starts with one."""

import json
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from deploy.airgap import bundle, images, keys, manifest, rendered, wheelhouse
from deploy.airgap.bundle import Origin, Parts
from deploy.airgap.errors import AirgapError, BadBundle
from deploy.airgap.push import push
from deploy.airgap.rendered import IMAGES
from tests.support import airgap as small
from tests.support.registry import registry

ORIGIN = Origin("0.1.0", "c" * 40, datetime(2026, 3, 1, tzinfo=UTC))
POD = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: echobase}}
spec:
  template:
    metadata: {{labels: {{a: b}}}}
    spec:
      initContainers: [{{name: i, image: "echobase-ingest:1"}}]
      containers: [{{name: c, image: "{image}"}}]
"""


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("echobase-ingest", "echobase-stream", "unused"):
        content = small.image(f"{name}:1", [{"code": name.encode()}])
        (folder / f"{name}.tar").write_bytes(content)
    return folder


def made(tmp_path: Path, parts: Parts) -> tuple[Path, manifest.Manifest]:
    key, public = small.key_pair(tmp_path)
    folder = tmp_path / "out" / "echobase-0.1.0"
    bundle.make(parts, ORIGIN, folder, key)
    return folder, manifest.verify(folder, public)


def pod(image: str, kind: str = "Deployment", name: str = "a") -> str:
    return POD.format(kind=kind, name=name, image=image)


def test_a_bundle_says_what_it_holds(tmp_path: Path, archives: Path) -> None:
    wheels, model = tmp_path / "wheels", tmp_path / "hub" / "snapshot"
    wheels.mkdir()
    (wheels / "lib_a-1.2-py3-none-any.whl").write_bytes(small.wheel({"a": b"a"}))
    code = tmp_path / "echobase-0.1.0-py3-none-any.whl"
    code.write_bytes(small.wheel({"b": b"b"}))
    model.mkdir(parents=True)
    (tmp_path / "hub/blob").write_bytes(b"weights")
    (model / "model.bin").symlink_to(tmp_path / "hub/blob")
    (model / ".gitattributes").write_text("")
    parts = Parts(
        images=archives,
        manifests={"edge": pod("echobase-stream:1")},
        wheels=wheels,
        code=code,
        models={"toy": model},
    )
    folder, found = made(tmp_path, parts)
    held = {file.path: (file.role, file.holds) for file in found.files}
    locks = {f"requirements/{lock}.txt": ("lock", ()) for lock in wheelhouse.LOCKS}
    digest = images.held(archives / "echobase-stream.tar")["docker.io/library/echobase-stream:1"]
    assert held.pop("images/echobase-stream.tar") == (
        "image",
        (f"docker.io/library/echobase-stream:1@{digest}",),
    )
    assert held.pop("images/echobase-ingest.tar")[0] == "image"
    assert held == {
        **locks,
        "code/echobase-0.1.0-py3-none-any.whl": ("code", ("echobase==0.1.0",)),
        "install.sh": ("program", ()),
        "k3s/edge.yaml": ("manifest", ()),
        "models/toy/model.bin": ("model", ()),
        "wheels/lib_a-1.2-py3-none-any.whl": ("wheel", ("lib-a==1.2",)),
    }
    assert (folder / "models/toy/model.bin").read_bytes() == b"weights"
    assert not (folder / "models/toy/model.bin").is_symlink()


def test_a_bundle_is_the_same_for_the_same_parts(tmp_path: Path, archives: Path) -> None:
    parts = Parts(images=archives, manifests={"edge": pod("echobase-stream:1")})
    folder, first = made(tmp_path, parts)
    again, second = made(tmp_path, parts)
    assert folder == again
    assert first == second
    assert not list(folder.parent.glob(".*"))


def test_an_image_that_no_archive_has_is_refused(tmp_path: Path, archives: Path) -> None:
    text = pod("nats:2.15-alpine")
    with pytest.raises(BadBundle, match=r"nats:2\.15-alpine"):
        made(tmp_path, Parts(images=archives, manifests={"edge": text}))
    elsewhere = ["nats:2.15-alpine"]
    made(tmp_path, Parts(images=archives, manifests={"edge": text}, elsewhere=elsewhere))


def test_other_content_under_the_same_tag_is_another_rollout(
    tmp_path: Path, archives: Path
) -> None:
    def notes() -> dict[str, str]:
        texts = pod("echobase-stream:1") + "---\n" + pod("echobase-ingest:1", "StatefulSet", "b")
        folder, _ = made(tmp_path, Parts(images=archives, manifests={"edge": texts}))
        found = rendered.documents((folder / "k3s/edge.yaml").read_text())
        return {
            rendered.named(document).name: yaml.safe_load(yaml.safe_dump(document))["spec"][
                "template"
            ]["metadata"]["annotations"][IMAGES]
            for document in found
        }

    before = notes()
    content = small.image("echobase-stream:1", [{"code": b"other"}])
    (archives / "echobase-stream.tar").write_bytes(content)
    after = notes()
    assert before["a"] != after["a"]
    assert before["b"] == after["b"]


def test_packed_layers_are_refused(tmp_path: Path) -> None:
    listed = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["layer.tar"]}]
    files = {"layer.tar": b"\x1f\x8b" + bytes(600), "manifest.json": json.dumps(listed).encode()}
    path = tmp_path / "a.tar"
    path.write_bytes(small.tar(files))
    with pytest.raises(BadBundle, match="packed"):
        images.held(path)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, small.tar({"a": b"a"})])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(BadBundle, match="no archive of images"):
        images.held(path)


def test_what_an_update_removes() -> None:
    text = "\n---\n".join(
        f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}"
        for api, kind, name in (
            ("v1", "ConfigMap", "old"),
            ("v1", "PersistentVolumeClaim", "data"),
            ("v1", "Namespace", "n"),
            ("keda.sh/v1alpha1", "ScaledObject", "scaled"),
            ("v1", "Service", "kept"),
        )
    )
    after = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: kept}\n---\n"
        "apiVersion: keda.sh/v1\nkind: ScaledObject\nmetadata: {name: scaled}\n"
    )
    gone = rendered.gone(rendered.documents(text), rendered.documents(after))
    assert [one.resource for one in gone] == ["ConfigMap/old"]


@pytest.mark.parametrize("text", ["a: [", "- a", "kind: Pod", "apiVersion: v1\nkind: Pod"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadBundle):
        rendered.documents(text)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    small.key_pair(tmp_path)
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(AirgapError, match="never overwritten"):
        keys.new(tmp_path / "key.pem", tmp_path / "other.pem")
    assert (tmp_path / "key.pem").read_bytes() == before
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(AirgapError, match="no public key"):
        keys.read_public(tmp_path / "key.pem")


def test_our_own_wheel_is_the_same_again_and_lacks_nothing(tmp_path: Path) -> None:
    first = wheelhouse.own_wheel(tmp_path / "a", 1_700_000_000)
    second = wheelhouse.own_wheel(tmp_path / "b", 1_700_000_000)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        names = set(wheel.namelist())
    assert {
        "services/stream/page/index.html",
        "services/transcriber/demo_model/model.bin",
        "deploy/local/samples/conversation.ogg",
        "deploy/airgap/install.sh",
    } <= names
    assert wheelhouse.missing(first, ["shared/settings.py", "shared/none.py"]) == ["shared/none.py"]


# --- install.sh, until it runs something of the bundle ---


def installed(folder: Path, public: Path, prefix: Path) -> subprocess.CompletedProcess[str]:
    script = bundle.INSTALLER
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    command = ["sh", str(script), str(folder), str(public), str(prefix)]
    return subprocess.run(command, capture_output=True, text=True, env=env)


@pytest.mark.parametrize("fault", ["byte", "more", "link", "signature", "key"])
def test_the_installer_runs_nothing_of_a_wrong_bundle(tmp_path: Path, fault: str) -> None:
    key, public = small.key_pair(tmp_path)
    ran = tmp_path / "ran"
    uv = f"#!/bin/sh\ntouch {ran}\n".encode()
    files = {
        "wheels/uv-1-py3-none-any.whl": small.wheel({"uv-1.data/scripts/uv": uv}),
        "requirements/local.txt": b"",
    }
    folder = small.bundle(tmp_path / "echobase-1", files, key)
    if fault == "byte":
        (folder / "requirements/local.txt").write_bytes(b"-e .")
    elif fault == "more":
        (folder / "wheels/other.whl").write_bytes(b"")
    elif fault == "link":
        shutil.move(folder / "wheels", tmp_path / "wheels")
        (folder / "wheels").symlink_to(tmp_path / "wheels")
    elif fault == "signature":
        (folder / "manifest.json.sig").write_bytes(bytes(64))
    else:
        other = tmp_path / "other"
        other.mkdir()
        _, public = small.key_pair(other)
    done = installed(folder, public, tmp_path / "prefix")
    assert done.returncode != 0
    assert "install.sh: " in done.stderr
    assert not ran.exists()
    assert not (tmp_path / "prefix").exists()


def test_the_installer_runs_the_right_bundle(tmp_path: Path) -> None:
    key, public = small.key_pair(tmp_path)
    called = tmp_path / "called"
    uv = f'#!/bin/sh\necho "$*" >> {called}\nexit 3\n'.encode()
    files = {"wheels/uv-1-py3-none-any.whl": small.wheel({"uv-1.data/scripts/uv": uv})}
    folder = small.bundle(tmp_path / "echobase-1", files, key)
    assert installed(folder, public, tmp_path / "prefix").returncode == 3
    assert called.read_text().startswith("venv ")


# --- a registry ---


def test_images_are_pushed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    layer, config = small.tar({"a": small.noise(3_000_000, 5)}), b"{}"
    blobs = [{"digest": f"sha256:{manifest.digest(b)}", "size": len(b)} for b in (layer, config)]
    described = json.dumps({"layers": [blobs[0]], "config": blobs[1]}).encode()
    image = {
        "digest": f"sha256:{manifest.digest(described)}",
        "size": len(described),
        "annotations": {"io.containerd.image.name": "docker.io/library/echobase-ingest:1"},
    }
    files = {f"blobs/sha256/{manifest.digest(b)}": b for b in (layer, config, described)}
    path = tmp_path / "a.tar"
    path.write_bytes(
        small.tar({**files, "index.json": json.dumps({"manifests": [image]}).encode()})
    )
    with registry() as kept:
        assert push(path, kept.address, plain=True) == [f"{kept.address}/echobase-ingest:1"]
        assert set(kept.blobs.values()) == {layer, config}
        assert kept.manifests == {"/v2/echobase-ingest/manifests/1": described}
        kept.requests.clear()
        push(path, kept.address, plain=True)
        assert kept.requests == ["HEAD", "HEAD", "PUT"]
        address = kept.address
    with pytest.raises(AirgapError):
        push(path, address, plain=True)
