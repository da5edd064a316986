"""`echobase spool backlog`: may this ingest be taken away?"""

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.ingest.entry import Forwarded, Refused
from services.ingest.spool_commands import spool as command
from tests.support.ingest import NOON, open_spool, put_in


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ECHOBASE_DATA", str(tmp_path))
    return CliRunner()


def backlog(run: CliRunner) -> tuple[str, int]:
    found = run.invoke(command, ["backlog"])
    return found.output, found.exit_code


def test_without_a_spool_there_is_none(run: CliRunner) -> None:
    assert backlog(run) == ("0\n", 0)


async def test_what_waits_counts_beside_a_running_ingest(run: CliRunner, tmp_path: Path) -> None:
    spool = open_spool(tmp_path / "spool")
    first, second = await put_in(spool, b"one"), await put_in(spool, b"two")
    assert backlog(run) == ("2\n", 1)
    await spool.forwarded(first, Forwarded(version=1, known=False, time=NOON))
    assert backlog(run) == ("1\n", 1)
    await spool.forwarded(second, Forwarded(version=1, known=False, time=NOON))
    assert backlog(run) == ("0\n", 0)
    spool.close()


async def test_what_was_refused_is_here_alone_and_counts(run: CliRunner, tmp_path: Path) -> None:
    spool = open_spool(tmp_path / "spool")
    held = await put_in(spool, b"one")
    await spool.refuse(held, Refused(code="store-refused", reason="no", time=NOON))
    spool.close()
    assert backlog(run) == ("1\n", 1)
