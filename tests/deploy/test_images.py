"""What looks into images finds what must not be there; an archive is the same every time."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from deploy.images import inspect, measure
from deploy.images.archive import Exported, exported, pack
from deploy.images.inspect import Found
from deploy.images.recipes import recipe

GOOD = Found(
    user=10001,
    group=10001,
    groups=[],
    capabilities=0,
    privileges=1,
    writable=["/tmp", "/data"],
    tools=[],
    packages=[],
)


def layer(name: str, *, mode: int = 0o644, mtime: int = 0) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = mode, mtime
        tar.addfile(entry)
    return content.getvalue()


def image(folder: Path, *layers: bytes) -> Exported:
    """An image as buildah writes it into a folder."""
    folder.mkdir()
    blobs: list[dict[str, str | int]] = []
    for content in (b"{}", *layers):
        digest = hashlib.sha256(content).hexdigest()
        (folder / digest).write_bytes(content)
        blobs.append({"digest": f"sha256:{digest}", "size": len(content)})
    manifest = {"schemaVersion": 2, "config": blobs[0], "layers": blobs[1:]}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return exported(folder)


def test_an_archive_is_the_same_every_time_and_ends_with_the_code(tmp_path: Path) -> None:
    layers = (layer("usr/bin/python3"), layer("app/shared/bus.py"))
    for name in ("one", "two"):
        pack(image(tmp_path / name, *layers), "echobase-ingest:1.0", tmp_path / f"{name}.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        names = tar.getnames()
        index = tar.extractfile("index.json")
        docker = tar.extractfile("manifest.json")
        assert index
        assert docker
        [listed] = msgspec.json.decode(index.read())["manifests"]
        [loaded] = msgspec.json.decode(docker.read())
    made = exported(tmp_path / "one")
    assert names[1:3] == [blob.path for blob in made.layers] == loaded["Layers"]
    assert loaded["RepoTags"] == ["echobase-ingest:1.0"]
    assert listed["digest"] == made.digest
    assert listed["annotations"]["org.opencontainers.image.ref.name"] == "echobase-ingest:1.0"


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        (layer("app/shared/bus.cpython-311.pyc"), "is bytecode"),
        (layer("app/shared/__pycache__"), "is bytecode"),
        (layer("usr/bin/su", mode=0o4755), "changes the user"),
        (layer("app/shared/bus.py", mode=0o666), "may be written by everybody"),
        (layer("app/.env"), "looks like a secret"),
        (layer("app/shared/bus.py", mtime=1), "has a time"),
    ],
)
def test_what_no_layer_may_hold_is_found(tmp_path: Path, planted: bytes, fault: str) -> None:
    base = layer("usr/lib/base.pyc", mtime=1)
    assert inspect.faults_of_layers(image(tmp_path / "good", base, layer("app/bus.py"))) == []
    [found] = inspect.faults_of_layers(image(tmp_path / "bad", base, planted))
    assert fault in found


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("user", 0, "user"),
        ("group", 0, "group"),
        ("groups", [10001, 27], "other groups"),
        ("capabilities", 1, "capabilities"),
        ("privileges", 0, "no new privileges"),
        ("writable", ["/tmp", "/data", "/app"], "writable"),
        ("writable", ["/tmp"], "writable"),
        ("tools", ["pip"], "tools"),
        ("packages", ["onnxruntime"], "heavy packages"),
    ],
)
def test_what_no_container_may_be_is_found(field: str, value: object, fault: str) -> None:
    ingest = recipe("echobase-ingest")
    assert inspect.faults_within(ingest, GOOD, {"/data"}) == []
    bad = msgspec.structs.replace(GOOD, **{field: value})
    [found] = inspect.faults_within(ingest, bad, {"/data"})
    assert found.startswith(fault)


def test_the_transcriber_may_recognize_speech_and_needs_no_torch() -> None:
    made = recipe("echobase-transcriber")
    heavy = msgspec.structs.replace(GOOD, packages=["ctranslate2", "onnxruntime"])
    assert inspect.faults_within(made, heavy, {"/data"}) == []
    with_torch = msgspec.structs.replace(GOOD, packages=["torch"])
    assert inspect.faults_within(made, with_torch, {"/data"}) != []


@pytest.mark.parametrize("version", ["", "unknown"])
def test_a_label_without_a_value_is_found(version: str) -> None:
    labels = {
        "org.opencontainers.image.title": "echobase-ingest",
        "org.opencontainers.image.version": version,
    }
    assert len(inspect.faults_of_labels(labels)) == 1


def test_layers_that_differ_are_found() -> None:
    assert measure.differing(["a", "b", "c"], ["a", "x", "c"]) == [1]
    assert measure.differing(["a"], ["a"]) == []


def test_a_layers_size_is_measured_once(tmp_path: Path) -> None:
    made = image(tmp_path / "image", *(layer(name) for name in "abcd"))
    ingest = recipe("echobase-ingest")
    first = measure.rows(ingest, made, tmp_path / "sizes.json")
    for blob in made.layers:
        made.file(blob).unlink()
    assert measure.rows(ingest, replace(made), tmp_path / "sizes.json") == first
    assert [row.layer for row in first] == ["base", "user", "dependencies", "code"]
    assert all(0 < row.compressed < row.size for row in first)
    assert measure.table(first)[2].startswith("| echobase-ingest | base | 10.2 kB |")
