"""One box: installed from a bundle, run as its units say, updated by a delta, removed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.airgap import bundle, delta, manifest, wheelhouse
from deploy.box.install import Box, update
from deploy.box.places import Places
from deploy.box.release import Releases
from deploy.box.sandbox import PARTS
from deploy.box.system import owner
from deploy.local.ports import free_ports
from deploy.local.samples import samples
from shared import settings
from shared.client import Client
from shared.settings import LocalSettings
from shared.stack import Addresses
from tests.support.airgap import key_pair, sign
from tests.support.box import RunningBox, everybody_reaches
from tests.support.box_bundle import add_to_code, local_wheels
from tests.support.stack import PATIENCE, command, events_of, words

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")
_PORTS = ("STREAM", "INGEST", "TRANSCRIBER", "NATS", "STORE")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the box's user may enter; pytest's own ones are for this user alone."""
    with tempfile.TemporaryDirectory(prefix="echobase-box-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Desk:
    """Makes the bundle, and a delta to one with other code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key, self.public_key = key_pair(folder)
        self.first = folder / "echobase-0.1.0"
        self._began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        parts = bundle.Parts(
            wheels=local_wheels(folder / "wheels"),
            code=wheelhouse.own_wheel(folder / "code", int(self._began.timestamp())),
        )
        made_from = bundle.Origin("0.1.0", "0" * 40, self._began)
        bundle.make(parts, made_from, self.first, self._key)
        shutil.rmtree(folder / "wheels")

    def delta(self) -> Path:
        """To a bundle with one line of code more."""
        second = self._folder / "second"
        shutil.copytree(self.first, second, copy_function=os.link)
        (code,) = second.glob("code/*.whl")
        add_to_code(code, "shared/__init__.py", "# One line more.\n")
        found = manifest.decode((second / manifest.MANIFEST).read_bytes())
        files = tuple(
            manifest.File(
                path=file.path,
                size=(second / file.path).stat().st_size,
                sha256=manifest.file_digest(second / file.path),
                role=file.role,
            )
            for file in found.files
        )
        created = self._began + timedelta(minutes=1)
        for name in (manifest.MANIFEST, manifest.SIGNATURE):
            (second / name).unlink()
        made = manifest.Manifest(version="0.1.0", commit="1" * 40, created=created, files=files)
        sign(second, made, self._key)
        target = self._folder / "delta.tar.zst"
        delta.make(self.first, second, target, self._key)
        return target


def configure(places: Places) -> Addresses:
    """Let the box listen on free ports."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    inner = settings.load(LocalSettings, os.environ).inner_ports
    with places.settings.open("a") as file:
        file.write(f"ECHOBASE_INNER_PORTS={inner}\n")
        file.writelines(f"ECHOBASE_{name}_PORT={port}\n" for name, port in ports.items())
    return Addresses(
        stream=f"http://127.0.0.1:{ports['STREAM']}", ingest=f"http://127.0.0.1:{ports['INGEST']}"
    )


async def transcribe(client: Client, channel: str) -> str:
    """Send a sample; its recording's id, once its words have come."""
    accepted = await client.upload(CALL.path, {"source": "box", "channel": channel})
    assert words(await events_of(client, accepted)) == CALL.text
    return accepted.id


def echobase(places: Places, *arguments: str | Path) -> None:
    """Run a command on the box."""
    given = [*map(str, arguments), "--root", str(places.root)]
    done = command(*given, env=os.environ, folder=places.root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)  # noqa: T201 - what a person sees


async def test_installed_run_updated_removed(folder: Path):
    desk, places = Desk(folder), Places(folder / "box")
    echobase(places, "install", desk.first, "--public-key", desk.public_key, "--model", "demo")
    where, releases = configure(places), Releases(places)
    running = RunningBox(places, folder / "journal")
    running.restart()
    try:
        assert running.unhealthy(PATIENCE) == [], running.output.read_text()
        old = releases.current()
        assert_run(running, old or "")
        async with Client(where) as client:
            first = await transcribe(client, "before")
            before = await client.transcript(first)
        patch = desk.delta()
        print(f"the delta: {patch.stat().st_size} bytes")  # noqa: T201 - a figure of the documentation
        new = update(Box(places, print, PATIENCE, running), patch, force=False)
        assert new != old
        assert_run(running, new)
        async with Client(where) as client:
            assert await client.transcript(first) == before
            await transcribe(client, "after")
    finally:
        running.stop()
    echobase(places, "uninstall")
    assert not places.home.exists()
    assert not list(places.units.iterdir())
    assert {path.name for path in places.data.iterdir()} >= {"nats", "store", "spool"}
    assert "ECHOBASE_STREAM_PORT" in places.settings.read_text()


def assert_run(running: RunningBox, release: str) -> None:
    """Every part is the release's, and nobody's who may do more than it needs."""
    places = running.places
    python = places.releases / release / "bin" / "python"
    for part in PARTS:
        process = Path("/proc") / str(running.pid(part.name))
        line = (process / "cmdline").read_bytes().decode()
        assert line.startswith(str(python.parent)), line
        if os.geteuid() == 0 and everybody_reaches(python):
            assert process.stat().st_uid == owner(places).uid != 0
        status = (process / "status").read_text()
        assert "NoNewPrivs:\t1" in status
