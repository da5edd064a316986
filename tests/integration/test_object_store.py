"""What a store does, in memory and on a real S3 server alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from shared.errors import ObjectMissing
from shared.memory_store import MemoryStore
from shared.object_store import ObjectStore, StoredObject
from shared.s3_store import S3Store

ODD = [
    "plain.json",
    "with space and+plus",
    "per%cent%20and%2Fslash",
    "quotes'\"<&>;",
    "ünï/cödé-日本",
    "hash#question?mark=1&x",
    "brackets[1]{2}(3)*!@$,:",
    # No backslash: SeaweedFS takes it for a slash.
    "tilde~caret^",
]


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.servers)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    server = request.getfixturevalue("s3_server")
    real = S3Store(msgspec.structs.replace(server.settings, store_bucket=f"test-{uuid4().hex}"))
    await real.ensure()
    yield real
    await real.close()


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [found.key async for found in store.list(prefix)]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_missing_object_is_named_as_such(store: ObjectStore, tmp_path: Path):
    assert await store.stat("a/none") is None
    with pytest.raises(ObjectMissing):
        await store.get("a/none")
    with pytest.raises(ObjectMissing):
        await store.get_range("a/none", 0, 3)
    with pytest.raises(ObjectMissing):
        await store.get_file("a/none", tmp_path / "none")
    assert names_in(tmp_path) == []


async def test_what_was_put_is_got_and_put_again_is_replaced(store: ObjectStore):
    await store.put("a/b.json", b"one")
    assert await store.get("a/b.json") == b"one"
    await store.put("a/b.json", b"other")
    assert await store.get("a/b.json") == b"other"
    assert await store.stat("a/b.json") == StoredObject("a/b.json", 5)


async def test_an_empty_object_is_one(store: ObjectStore, tmp_path: Path):
    await store.put("empty", b"")
    assert await store.get("empty") == b""
    assert await store.stat("empty") == StoredObject("empty", 0)
    assert await store.put_if_absent("empty", b"x") is False
    assert await store.put_if_absent("empty-too", b"") is True
    assert await store.get("empty-too") == b""
    await store.get_file("empty", tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""
    assert await store.get_range("empty", 0, 10) == b""
    await store.put_file("from-file", tmp_path / "empty", content_type="audio/wav")
    assert await store.stat("from-file") == StoredObject("from-file", 0)


async def test_a_range_ends_where_the_object_does(store: ObjectStore):
    await store.put("digits", b"0123456789")
    assert await store.get_range("digits", 0, 3) == b"012"
    assert await store.get_range("digits", 7, 3) == b"789"
    assert await store.get_range("digits", 8, 100) == b"89"
    assert await store.get_range("digits", 10, 5) == b""
    assert await store.get_range("digits", 99, 5) == b""
    assert await store.get_range("digits", 3, 0) == b""


async def test_put_if_absent_stores_only_once(store: ObjectStore):
    assert await store.put_if_absent("claim", b"mine") is True
    assert await store.put_if_absent("claim", b"yours") is False
    assert await store.get("claim") == b"mine"
    await store.delete("claim")
    assert await store.put_if_absent("claim", b"later") is True


async def test_of_ten_that_claim_a_key_at_once_one_has_it(store: ObjectStore):
    for round_ in range(2):
        key = f"claims/{round_}"
        won = await asyncio.gather(
            *(store.put_if_absent(key, f"writer {n}".encode()) for n in range(10))
        )
        assert won.count(True) == 1
        assert await store.get(key) == f"writer {won.index(True)}".encode()


@pytest.mark.parametrize("name", ODD)
async def test_a_key_may_hold_odd_characters(store: ObjectStore, name: str):
    key = f"odd/{name}"
    assert await store.put_if_absent(key, b"first") is True
    assert await store.put_if_absent(key, b"second") is False
    await store.put(key, b"third")
    assert await store.get(key) == b"third"
    assert await store.stat(key) == StoredObject(key, 5)
    assert await keys(store, "odd/") == [key]
    await store.delete(key)
    assert await keys(store, "odd/") == []


async def test_a_list_has_every_key_below_the_prefix_in_order(store: ObjectStore):
    names = [
        f"recordings/{n:03}/{leaf}" for n in range(4) for leaf in ("audio.wav", "recording.json")
    ]
    names += [f"recordings/002/versions/{n}/request.json" for n in (1, 2, 10)]
    names += ["recordings/00", "records"]
    for name in reversed(names):
        await store.put(name, b"x")
    assert await keys(store, "") == sorted(names)
    assert await keys(store, "recordings/002/versions/") == [
        "recordings/002/versions/1/request.json",
        "recordings/002/versions/10/request.json",
        "recordings/002/versions/2/request.json",
    ]
    assert await keys(store, "recordings/00") == sorted(
        n for n in names if n.startswith("recordings/00")
    )
    assert await keys(store, "nothing/") == []


async def names(store: ObjectStore, prefix: str, after: str = "") -> list[str]:
    return [found async for found in store.folders(prefix, after)]


async def test_folders_are_named_once_and_in_order(store: ObjectStore):
    for key in ("x/bb/1", "x/aa/1", "x/aa/2", "x/aa/deep/3", "x/file", "x/cc/1", "y/dd/1", "xx/1"):
        await store.put(key, b"{}")
    assert await names(store, "x/") == ["aa", "bb", "cc"]
    assert await names(store, "x/", "aa") == ["bb", "cc"]
    assert await names(store, "x/", "ab") == ["bb", "cc"]
    assert await names(store, "x/", "cc") == []
    assert await names(store, "x/aa/") == ["deep"]
    assert await names(store, "z/") == []


async def test_folders_go_on_beyond_a_page(store: ObjectStore):
    expected = [f"{number:04}" for number in range(1_050)]
    async with asyncio.TaskGroup() as tasks:
        for name in expected:
            tasks.create_task(store.put(f"many/{name}/record", b"{}"))
            if name.endswith("7"):
                tasks.create_task(store.put(f"many/{name}/versions/1/request", b"{}"))
    assert await names(store, "many/") == expected
    assert await names(store, "many/", "0041") == expected[42:]
    assert await names(store, "many/", "1047") == expected[1048:]


async def test_a_list_goes_on_beyond_a_page(store: ObjectStore):
    async with asyncio.TaskGroup() as tasks:
        for n in range(1005):
            tasks.create_task(store.put(f"many/{n:04}", b""))
    assert await keys(store, "many/") == [f"many/{n:04}" for n in range(1005)]


async def test_deleting_twice_is_no_error(store: ObjectStore):
    await store.put("gone", b"x")
    await store.delete("gone")
    await store.delete("gone")
    assert await store.stat("gone") is None


async def test_a_file_comes_back_as_it_was(store: ObjectStore, tmp_path: Path):
    content = bytes(range(256)) * 80_000  # 20 MB: three parts
    (tmp_path / "there").write_bytes(content)
    await store.put_file("big.wav", tmp_path / "there", content_type="audio/wav")
    assert await store.stat("big.wav") == StoredObject("big.wav", len(content))
    await store.get_file("big.wav", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert names_in(tmp_path) == ["back", "there"]
    assert await store.get_range("big.wav", 10_000_000, 512) == content[10_000_000:10_000_512]


async def test_ensure_and_ready(store: ObjectStore):
    await asyncio.gather(*(store.ensure() for _ in range(4)))
    assert await store.ready() is True
