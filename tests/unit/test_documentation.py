"""The documentation says what is so: commands, settings, messages, ids, files."""

import hashlib
import importlib
import pkgutil
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import av
import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

import services.ingest
import services.stream
from services.ingest.submission import FIELDS
from shared import messages, reference, settings
from shared.identity import recording_id
from tests.support import locks, readme
from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "services/transcriber/demo_model/README.md",
)
SAMPLES = ROOT / "deploy/local/samples"
MODEL = ROOT / "services/transcriber/demo_model"
NOT_EVERYDAY = {"help"}
"""Targets that the README need not name."""
OLD_COMMANDS = (
    "docker compose up --build -d",
    "docker compose run --rm api alembic upgrade head",
    "docker compose exec api pytest",
    "docker compose exec api ruff check .",
    "docker compose down -v",
    "docker compose --profile gpu up",
    "pip download -r requirements.*.txt -d wheelhouse",
    "docker save … \\",  # the cell goes on after the pipe
    "docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d",
)
OLD_ROUTES = ("POST /transcribe", "GET /transcription/events", "/docs", "/health")


# --- what is made from the code ---


def test_the_readmes_tables_are_those_of_the_code() -> None:
    assert reference.fill(README, reference.blocks()) == README, "run `python -m shared.reference`"


def test_a_stale_table_is_found() -> None:
    stale = README.replace("`ECHOBASE_STREAM_PORT` | `3000`", "`ECHOBASE_STREAM_PORT` | `3009`")
    assert stale != README
    assert reference.fill(stale, reference.blocks()) == README


def test_a_missing_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="'messages'"):
        reference.fill("no block", {"messages": "text"})


def test_env_example_is_that_of_the_code() -> None:
    found = (ROOT / ".env.example").read_text("utf-8")
    assert found == reference.env_example(), "run `python -m shared.reference`"


def test_every_setting_is_documented() -> None:
    text = reference.settings_tables() + reference.env_example()
    for kind in settings.ALL:
        variables = list(settings.variables(kind))
        assert variables
        for variable in variables:
            assert variable.description
            assert all(f"`{name}`" in README for name in variable.names)
            assert text.count(variable.names[0]) >= 2


def test_every_kind_of_settings_is_listed() -> None:
    found = [
        k for k in vars(settings).values() if _is_struct(k) and k.__base__ is settings.Settings
    ]
    assert set(found) == set(settings.ALL)


def test_the_settings_that_env_example_shows_are_accepted() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    env = dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))
    for kind in settings.ALL:
        assert settings.load(kind, env) == settings.load(kind, {})


def test_every_message_field_is_described() -> None:
    kinds = [k for k in vars(messages).values() if _is_struct(k) and k is not Struct]
    assert len(kinds) > 10
    assert [fault for kind in kinds for fault in undescribed(kind)] == []


def test_a_field_without_description_is_found() -> None:
    class Planted(Struct):
        told: Annotated[int, Meta(description="A number")]
        untold: Annotated[float, Meta(ge=0)]
        bare: int

    assert undescribed(Planted) == ["Planted.untold", "Planted.bare"]


def test_the_readme_has_every_event_and_every_field() -> None:
    section = readme.section(README, "Messages for other services")
    for kind in (
        *messages.Event.__args__,
        messages.EventBase,
        messages.Refused,
        messages.Submission,
        messages.Transcript,
    ):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in section
    assert all(f"**`{name}`**" in section for name in messages.ALL_TYPES)


# --- commands ---


def test_the_readmes_commands_exist() -> None:
    faults = readme.command_faults(readme.commands(README), targets(), subcommands(), modules())
    assert faults == []


def test_the_two_commands_come_first() -> None:
    found = list(readme.commands(README))
    assert [words[:2] for words in found[:2]] == [["make", "demo"], ["make", "test"]]


def test_every_target_and_every_subcommand_is_in_the_readme() -> None:
    named = {(w[0], w[1]) for w in readme.commands(README) if len(w) > 1}
    named |= {("echobase", w[1]) for w in readme.commands(README) if w[0].endswith("/echobase")}
    wanted = {("make", t) for t in targets() - NOT_EVERYDAY}
    wanted |= {("echobase", c) for c in subcommands()}
    assert wanted <= named


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nmake nothing\n```",
        "```sh\nA=b make demo nothing\n```",
        "```sh\nechobase nothing\n```",
        "```sh\n.venv/bin/echobase nothing\n```",
        "```sh\npython -m shared.nothing\n```",
        "```sh\ndocker compose up\n```",
        "see `make nothing`",
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str) -> None:
    found = readme.command_faults(readme.commands(text), {"demo"}, {"up"}, {"shared.reference"})
    assert len(found) == 1


def test_commands_that_exist_are_no_fault() -> None:
    text = """```sh
A=b make demo AUDIO=x   # a comment
.venv/bin/echobase up
python -m shared.reference
curl -F file=@x \\
  http://localhost
```
`make demo`, `python`, `docker compose up`"""
    found = list(readme.commands(text))
    assert len(found) == 5
    assert readme.command_faults(found, {"demo"}, {"up"}, {"shared.reference"}) == []


# --- HTTP ---


def test_the_readme_has_every_route() -> None:
    rows = readme.rows(readme.section(README, "HTTP"))
    named = {
        re.sub(r"{[^}]+}", "{id}", route)
        for row in rows
        if row[0] in ("ingest", "stream")
        for route in routes(row[1])
    }
    page = {"GET /", "GET /page/{id}"}
    assert named == served() - page


def test_a_route_with_other_endings_is_several() -> None:
    assert routes("`GET /a/b.json`, `.txt`, `POST /c`") == [
        "GET /a/b.json",
        "GET /a/b.txt",
        "POST /c",
    ]


def test_the_readme_names_every_field_of_an_upload() -> None:
    [text] = re.findall(r"Fields besides the audio.*?: (.*?)\. An", README, re.DOTALL)
    assert readme.code(text) == list(FIELDS)


# --- files, versions, ids ---


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    path = ROOT / page
    assert readme.missing_links(path.read_text("utf-8"), path.parent) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    text = "[a](gone.md) ![b](gone.png) [c](https://example.net) [d](#here)"
    assert readme.missing_links(text, tmp_path) == ["gone.md", "gone.png"]


def test_the_layout_is_that_of_the_tree() -> None:
    named = re.findall(r"`([a-z_]+/[a-z_/]*)`", readme.section(README, "How it works"))
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    services = {f"services/{p.parent.name}/" for p in (ROOT / "services").glob("*/__init__.py")}
    assert services | {"shared/", "deploy/local/", "requirements/", "tests/"} <= set(named)


def test_the_changelog_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## [{locks.project(ROOT).version}]" in text


def test_the_readmes_ids_are_those_of_the_code() -> None:
    rows = id_vectors(README)
    assert len(rows) >= 4
    for source, channel, start, sha256, expected in rows:
        given = None if start is None else datetime.fromisoformat(start)
        assert recording_id(source, channel, given, sha256) == expected


def test_a_wrong_id_is_seen() -> None:
    [first, *_] = id_vectors(README)
    changed = README.replace(first[-1], "0" * 32)
    assert id_vectors(changed)[0][-1] != recording_id("upload", "default", None, first[3])


def test_the_old_systems_commands_routes_and_variables_have_their_row() -> None:
    section = readme.section(README, "From the old system")
    old = [name for row in readme.rows(section) for name in readme.code(row[0])]
    names = {n for k in settings.ALL for v in settings.variables(k) for n in v.names[1:]}
    names -= {"OTEL_EXPORTER_OTLP_ENDPOINT"}  # OpenTelemetry's, not the old system's
    wanted = {*names, *settings.IGNORED, *OLD_COMMANDS, *OLD_ROUTES}
    assert {name for name in wanted if name not in section} == set()
    assert names | set(settings.IGNORED) <= set(old)


# --- the bundled model and the samples ---


def test_the_model_is_the_one_that_its_card_describes() -> None:
    digest = hashlib.sha256((MODEL / "model.bin").read_bytes()).hexdigest()
    assert digest in (MODEL / "README.md").read_text("utf-8")


class Sample(Struct, forbid_unknown_fields=True):
    """An entry of `samples.json`."""

    file: str
    source: str
    channel: str
    text: str
    duration: float


def samples() -> list[Sample]:
    return msgspec.json.decode((SAMPLES / "samples.json").read_bytes(), type=list[Sample])


def test_the_samples_are_a_dozen_calls_and_a_conversation() -> None:
    found = samples()
    assert {s.file for s in found} == {p.name for p in SAMPLES.glob("*.ogg")}
    calls = [s for s in found if s.duration < 30]
    assert len(calls) == 12
    assert all(3 <= s.duration <= 10 for s in calls)
    assert [round(s.duration / 60) for s in found if s not in calls] == [3]


def test_the_samples_last_as_long_as_their_list_says() -> None:
    for sample in samples():
        with av.open(str(SAMPLES / sample.file)) as container:
            assert (container.duration or 0) / 1e6 == pytest.approx(sample.duration, abs=0.1)


def test_the_samples_are_those_of_the_script() -> None:
    script = msgspec.json.decode((SAMPLES / "script.json").read_bytes())
    spoken = {f"{t['name']}.ogg": " ".join(x for _, x in t["turns"]) for t in script["samples"]}
    assert {s.file: s.text for s in samples()} == spoken


def test_the_samples_hold_no_word_that_the_models_card_does_not_list() -> None:
    card = readme.section((MODEL / "README.md").read_text("utf-8"), "What it knows")
    known = set(re.findall(r"10-4|x-ray|[a-z]+", card.partition("sentence forms")[0]))
    assert set(" ".join(s.text for s in samples()).split()) - known == set()


# --- helpers ---


def undescribed(kind: type[Struct]) -> list[str]:
    """The fields of a struct, its own and inherited, that say nothing of themselves."""
    hints = reference.get_type_hints(kind, include_extras=True)
    return [
        f"{kind.__name__}.{n}"
        for n, hint in hints.items()
        if n in kind.__struct_fields__ and not reference.description(hint)
    ]


def id_vectors(text: str) -> list[tuple[str, str, str | None, str, str]]:
    """Source, channel, start, SHA-256 and id of each row."""
    section = readme.section(text, "Messages for other services").partition("### The id")[2]
    found: list[tuple[str, str, str | None, str, str]] = []
    for source, channel, start, sha256, id in readme.rows(section):
        plain = [readme.code(cell)[0] for cell in (source, channel, sha256, id)]
        found.append((plain[0], plain[1], next(iter(readme.code(start)), None), plain[2], plain[3]))
    return found


def routes(cell: str) -> list[str]:
    """The routes of a cell; an ending alone changes that of the route before."""
    found: list[str] = []
    for name in readme.code(cell):
        found.append(re.sub(r"\.\w+$", name, found[-1]) if name.startswith(".") else name)
    return found


def served() -> set[str]:
    """Every route of the two HTTP services, with `{id}` for whatever is named in a path."""
    found: set[str] = set()
    for package in (services.ingest, services.stream):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                found |= handled(vars(importlib.import_module(module.name)))
    return found


def handled(names: Mapping[str, object]) -> set[str]:
    """The routes of the handlers among a module's names."""
    return {
        f"{method} {re.sub(r'{[^}]+}', '{id}', path)}"
        for handler in names.values()
        if isinstance(handler, HTTPRouteHandler)
        for path in handler.paths
        for method in handler.http_methods
    }


def targets() -> set[str]:
    return readme.make_targets((ROOT / "Makefile").read_text("utf-8"))


def subcommands() -> set[str]:
    return set(locks.project(ROOT).entry_points["echobase.commands"])


def modules() -> set[str]:
    """What `python -m` may run: files with a main part."""
    tops = ("shared", "services", "deploy", "benchmarks")
    paths = [p for top in tops for p in (ROOT / top).rglob("*.py")]
    runnable = [p.relative_to(ROOT) for p in paths if '__name__ == "__main__"' in p.read_text()]
    return {".".join(p.with_suffix("").parts).removesuffix(".__main__") for p in runnable}


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
