"""Another release of an image or a wheel, made from a real one: some of its files are exchanged.

All that is not exchanged keeps its bytes, as it does when a builder builds again. For measuring
deltas only.
"""

import base64
import copy
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

Edits = Mapping[str, bytes | None]
"""New contents by path; None removes a file, a path that is not there is added."""
_BLOCK = 512


def image(source: Path, target: Path, edits: Edits) -> bool:
    """Write an image's archive anew; whether that was needed: it held some of the files."""
    with tarfile.open(source, "r:") as tar:
        names = tar.getnames()
        content = {name: _read(tar, name) for name in names}
    [saved] = _json(content["manifest.json"])
    renamed: dict[str, bytes] = {}
    for layer in saved["Layers"]:
        made = _layer(content[layer], edits)
        if made is not None:
            renamed[layer] = made
    if not renamed:
        return False
    digests = {_digest(old): _digest(_path(made)) for old, made in renamed.items()}
    index = _json(content["index.json"])
    manifest_path = _blob(index["manifests"][0]["digest"])
    config = _exchange(content[saved["Config"]], digests)
    manifest = _manifest(content[manifest_path], renamed, config)
    index["manifests"][0] |= {"digest": _digest(_path(manifest)), "size": len(manifest)}
    saved |= {
        "Config": _path(config),
        "Layers": [_path(renamed[n]) if n in renamed else n for n in saved["Layers"]],
    }
    new = {
        **renamed,
        saved["Config"]: config,
        manifest_path: manifest,
        "index.json": msgspec.json.encode(index),
        "manifest.json": msgspec.json.encode([saved]),
    }
    blobs = {name: _path(made) for name, made in {**renamed, manifest_path: manifest}.items()}
    old_config = _json(content["manifest.json"])[0]["Config"]
    blobs[old_config], new[old_config] = _path(config), config
    _write(target, [(blobs.get(name, name), new.get(name, content[name])) for name in names])
    return True


def _manifest(content: bytes, renamed: Mapping[str, bytes], config: bytes) -> bytes:
    manifest = _json(content)
    for layer in manifest["layers"]:
        made = renamed.get(_blob(layer["digest"]))
        if made is not None:
            layer |= {"digest": _digest(_path(made)), "size": len(made)}
    manifest["config"] |= {"digest": _digest(_path(config)), "size": len(config)}
    return msgspec.json.encode(manifest)


def _layer(content: bytes, edits: Edits) -> bytes | None:
    """A layer with its files exchanged; None if it holds none of them."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        entries = tar.getmembers()
    touched = [entry for entry in entries if entry.name in edits]
    if not touched:
        return None
    names = {entry.name for entry in entries}
    added = {name: new for name, new in edits.items() if new is not None and name not in names}
    made = io.BytesIO()
    for entry, end in zip(entries, [*(e.offset for e in entries[1:]), None], strict=True):
        if entry is touched[0]:
            for name, new in sorted(added.items()):
                made.write(_member(entry, name, new))
        new = edits.get(entry.name, b"")
        if entry.name not in edits:
            made.write(content[entry.offset : end])
        elif new is not None:
            made.write(_member(entry, entry.name, new))
    if len(made.getvalue()) % _BLOCK or touched[-1] is entries[-1]:
        made.write(bytes(2 * _BLOCK))
    return made.getvalue()


def _member(like: tarfile.TarInfo, name: str, content: bytes) -> bytes:
    entry = copy.copy(like)
    entry.name, entry.size = name, len(content)
    entry.pax_headers = {}
    padding = bytes(-len(content) % _BLOCK)
    return entry.tobuf(tarfile.PAX_FORMAT) + content + padding


def _write(target: Path, files: list[tuple[str, bytes]]) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def wheel(source: Path, target: Path, edits: Edits) -> None:
    """Write a wheel anew, its list of files corrected."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            content = edits.get(entry.filename)
            if content is None:
                content = old.read(entry)
            if entry.filename.endswith(".dist-info/RECORD"):
                content = b"".join(_records(content, edits))
            new.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), content)


def _records(content: bytes, edits: Edits) -> Iterator[bytes]:
    for line in content.splitlines(keepends=True):
        name = line.decode().partition(",")[0]
        new = edits.get(name)
        if new is None:
            yield line
            continue
        sha = base64.urlsafe_b64encode(hashlib.sha256(new).digest()).rstrip(b"=").decode()
        yield f"{name},sha256={sha},{len(new)}\n".encode()


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    return file.read() if file else b""


def _json(content: bytes) -> Any:  # noqa: ANN401 - private: JSON of others, passed on as it is
    return msgspec.json.decode(content)


def _exchange(content: bytes, digests: Mapping[str, str]) -> bytes:
    for old, new in digests.items():
        content = content.replace(old.encode(), new.encode())
    return content


def _path(content: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _digest(path: str) -> str:
    return path.removeprefix("blobs/").replace("/", ":")
