"""`echobase model`, as a command, with a real S3 server."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.transcriber.model_files import describe
from services.transcriber.models import DEMO_FOLDER, find_configured
from shared import object_keys
from shared.s3_store import S3Store
from shared.settings import StoreSettings

pytestmark = pytest.mark.servers

ECHOBASE = str(Path(sys.executable).with_name("echobase"))
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(store_settings: StoreSettings, tmp_path: Path) -> Run:
    env = os.environ | {
        "ECHOBASE_STORE_URL": store_settings.store_url,
        "ECHOBASE_STORE_ACCESS_KEY": store_settings.store_access_key,
        "ECHOBASE_STORE_SECRET_KEY": store_settings.store_secret_key,
        "ECHOBASE_STORE_BUCKET": store_settings.store_bucket,
        "ECHOBASE_MODEL_FOLDER": str(tmp_path / "models"),
        "ECHOBASE_OFFLINE": "true",
        "WHISPER_MODEL_NAME": "site",
    }

    def call(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [ECHOBASE, "model", *arguments]
        return subprocess.run(command, env=env | more, capture_output=True, text=True)

    return call


def change(settings: StoreSettings, file: str, content: bytes | None) -> None:
    """Put something else in the place of a file of the model `site` in the store."""

    async def act() -> None:
        store = S3Store(settings)
        key = object_keys.model_file("site", file)
        await (store.delete(key) if content is None else store.put(key, content))
        await store.close()

    asyncio.run(act())


def test_a_model_goes_through_the_store_into_another_ones_folder(run: Run, tmp_path: Path) -> None:
    assert "7 files were sent" in run("push", str(DEMO_FOLDER), "--as", "site").stdout
    assert " 0 files were sent" in run("push", str(DEMO_FOLDER), "--as", "site").stdout
    assert "was put into" in run("fetch").stdout
    found = find_configured("site", tmp_path / "models", offline=True)
    assert describe(found.folder) == describe(DEMO_FOLDER)
    # Nobody is asked for what is there.
    again = run("fetch", ECHOBASE_STORE_URL="http://127.0.0.1:9")
    assert (again.returncode, again.stderr) == (0, "")


def test_a_models_copy_in_the_store_that_is_not_whole_is_never_used(
    run: Run, tmp_path: Path, store_settings: StoreSettings
) -> None:
    run("push", str(DEMO_FOLDER), "--as", "site")
    for content, words in ((b"another", "bytes, not"), (None, "is not whole")):
        change(store_settings, "model.bin", content)
        refused = run("fetch")
        assert refused.returncode == 1
        assert words in refused.stderr
        assert not (tmp_path / "models/site").exists()
    assert " 1 files were sent" in run("push", str(DEMO_FOLDER), "--as", "site").stdout
    assert run("fetch").returncode == 0


def test_a_folder_fills_the_volume_without_a_store(run: Run, tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "bundle/site")
    away = {"ECHOBASE_STORE_URL": "http://127.0.0.1:9"}
    assert run("fetch", "--from", str(tmp_path / "bundle"), **away).returncode == 0
    assert find_configured("site", tmp_path / "models", offline=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fetch",), "the store has no model 'site', and ECHOBASE_OFFLINE"),
        (("fetch", "--from", "store"), "`echobase model push`"),
        (("fetch", "--from", "nowhere"), "no folder 'nowhere'"),
        (("fetch", "../site"), "cannot be called '../site'"),
        (("push", "gone"), "there is no model named 'gone'"),
    ],
)
def test_what_cannot_be_had_is_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    refused = run(*arguments)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_bundled_model_needs_no_fetching(run: Run) -> None:
    assert run("fetch", "demo").stdout == "demo needs no fetching\n"
