from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from shared import cli
from shared.errors import SettingError, StoreUnavailable


def entry(value: str) -> EntryPoint:
    return EntryPoint("try", value, cli.GROUP)


def test_the_version_is_told():
    told = CliRunner().invoke(cli.echobase, ["--version"])
    assert told.exit_code == 0
    assert told.output.startswith("echobase, version ")


def test_every_declared_command_is_listed_and_loads():
    listed = CliRunner().invoke(cli.echobase, ["--help"])
    assert listed.exit_code == 0
    for name in ("up", "demo", "doctor", "submit", "follow", "dead", "retranscribe"):
        assert f"\n  {name} " in listed.output


def test_a_missing_package_is_told_with_the_extra_that_has_it(monkeypatch: pytest.MonkeyPatch):
    def requires(_: str) -> list[str]:
        return ["faster-whisper>=1; extra == 'transcriber'"]

    monkeypatch.setattr(cli, "requires", requires)
    command = cli.missing("try", "faster_whisper.vad")
    told = CliRunner().invoke(command, ["file", "--option", "3", "--help"])
    assert told.exit_code == 1
    assert told.output == (
        "Error: `echobase try` needs faster_whisper: pip install 'echobase[transcriber]'\n"
    )


def test_a_command_that_cannot_be_loaded_says_why():
    told = CliRunner().invoke(cli.load(entry("no_such_package.commands:run")), [])
    assert told.exit_code == 1
    assert "needs no_such_package: pip install 'echobase[local]'" in told.output
    told = CliRunner().invoke(cli.load(entry("deploy.no_such_part:run")), [])
    assert "no module deploy.no_such_part" in told.output


@pytest.mark.parametrize(
    ("requirements", "extra"),
    [
        (['httpx>=0.28; extra == "local"'], "local"),
        (['litestar>=2; extra == "ingest"', 'litestar>=2; extra == "stream"'], "ingest"),
        (["click>=8"], "local"),
        ([], "local"),
    ],
)
def test_the_first_extra_that_has_a_module(requirements: list[str], extra: str):
    assert (
        cli.extra_with(requirements[0].partition(">")[0] if requirements else "x", requirements)
        == extra
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [(SettingError("ECHOBASE_X=1\nis not allowed"), 2), (StoreUnavailable("away"), 1)],
)
def test_an_error_of_ours_is_one_line(
    error: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setitem(cli.echobase.commands, "fails", fails)
    monkeypatch.setattr("sys.argv", ["echobase", "fails"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"echobase: {str(error).replace(chr(10), ' ')}\n"
