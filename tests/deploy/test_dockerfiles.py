"""The Dockerfiles, as text: what they stand on, copy, install and run as."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images.recipes import BASE, HEAVY, RECIPES, recipe
from tests.support import dockerfiles, locks
from tests.support.dockerfiles import parse
from tests.support.imports import SERVICES
from tests.support.repository import ROOT

TEXTS = {name: (ROOT / f"services/{name}/Dockerfile").read_text("utf-8") for name in SERVICES}
every_service = pytest.mark.parametrize("service", SERVICES)


def hadolint(path: Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("hadolint")
    command = [program, "--failure-threshold", "style", path]
    return subprocess.run(command, capture_output=True, text=True)


@every_service
def test_hadolint_finds_nothing(service: str) -> None:
    done = hadolint(ROOT / f"services/{service}/Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_something(tmp_path: Path) -> None:
    planted = tmp_path / "Dockerfile"
    planted.write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    assert hadolint(planted).returncode != 0


@every_service
def test_a_dockerfile_is_as_it_must_be(service: str) -> None:
    assert dockerfiles.faults(TEXTS[service], service, ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ARG BASE=python:3.11-slim-bookworm", "ARG BASE=python", "short name with a tag"),
        ("ARG BASE=python", "ARG BASE=example.net/python", "short name with a tag"),
        ("FROM ${BASE} AS system", "FROM debian:12 AS system", "neither BASE nor"),
        ("COPY shared shared", "COPY shared tests ./", "tests, which is not sent"),
        ("COPY shared shared", "COPY shared services ./", "services, which ingest does not need"),
        ("COPY shared shared", "COPY shared services/stream ./", "which ingest does not need"),
        ("COPY shared shared", "COPY shared shared/gone ./", "shared/gone, which is not sent"),
        ("COPY shared shared", "COPY .env shared ./", ".env, which is not sent"),
        ("COPY shared shared", "ADD shared shared", "ADD may fetch"),
        ("--from=code --chown", "--from=cold --chown", "cold, which is no stage"),
        (" --require-hashes -r", " -r", "without --require-hashes"),
        ("--no-build --require-hashes", "--no-build", "without --require-hashes"),
        ("--no-build --require", "--compile-bytecode --require", "bytecode"),
        ("RUN set -eu; \\\n    mkdir", "RUN apt-get update; \\\n    mkdir", "no lock names"),
        ("RUN set -eu; \\\n    mkdir", "RUN <<E\n    mkdir", "heredoc"),
        ("USER 10001:10001", "USER root", "runs as ['root']"),
        ("USER 10001:10001\n", "", "runs as root"),
        ("    HOME=/tmp", "    ECHOBASE_API_KEY=x HOME=/tmp", "ECHOBASE_API_KEY looks like a sec"),
        ("ARG VERSION=unknown", "ARG STORE_PASSWORD", "STORE_PASSWORD looks like a secret"),
        ("COPY --from=code /app /app\nARG", "RUN true\nCOPY --from=code /app /app\nARG", "copies"),
        ("COPY --from=code /app /app", "COPY --from=builder /app /app", "from the builder"),
        ("COPY --from=code /app /app\nARG BASE", "ARG BASE", "in the order"),
        ("image.revision=", "image.rev=", "no label revision"),
        ('CMD ["python", "-m", "services.ingest"]', "CMD python -m services.ingest", "runs python"),
        ('"shared.reload", "services.ingest"', '"services.ingest"', "dev runs"),
        ("FROM system AS runtime", "FROM system AS last", "last stage is not"),
    ],
)
def test_a_planted_fault_is_found(old: str, new: str, fault: str) -> None:
    text = TEXTS["ingest"]
    assert old in text
    found = dockerfiles.faults(text.replace(old, new), "ingest", ROOT)
    assert any(fault in each for each in found), found


def test_code_that_comes_before_its_dependencies_is_found() -> None:
    one, other = (
        "COPY --from=dependencies /opt/echobase /opt/echobase\n",
        "COPY --from=code /app /app\n",
    )
    text = TEXTS["ingest"].replace(one + other, other + one)
    assert any("in the order" in each for each in dockerfiles.faults(text, "ingest", ROOT))


def test_what_is_not_sent_to_a_builder(tmp_path: Path) -> None:
    for name in (".env", "data", "tests", ".git", "artifacts", "deploy"):
        assert not dockerfiles.sent(name, ROOT)
    (tmp_path / "shared").mkdir()
    (tmp_path / ".dockerignore").write_text("!shared\n")
    assert not dockerfiles.sent("shared", tmp_path)
    (tmp_path / ".dockerignore").write_text("*\n!shared\n")
    assert dockerfiles.sent("shared", tmp_path)


@pytest.mark.parametrize("stage", ["wheelhouse", "builder"])
def test_the_three_build_with_the_same_tools(stage: str) -> None:
    found = [
        [(i.word, i.arguments) for i in parse(text) if i.stage == stage] for text in TEXTS.values()
    ]
    assert found[0]
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("name", [each.name for each in RECIPES])
def test_an_image_is_what_its_recipe_says(name: str) -> None:
    made = recipe(name)
    text = made.dockerfile().read_text("utf-8")
    assert f'title="{name}"' in text
    assert f"ARG BASE={BASE}\n" in text
    assert f"AS {made.target}\n" in text
    assert all(f"requirements/{lock}.txt" in text for lock in made.locks)
    copies = [i for i in parse(text) if i.stage == made.target and i.word == "COPY"]
    assert len(made.layers) == len(copies) + 2  # on the base, and the layer with the user


def heavy_in(lock: str) -> set[str]:
    return set(HEAVY) & set(locks.read(lock).pins)


@pytest.mark.parametrize("service", ["ingest", "stream"])
def test_what_recognizes_speech_is_in_no_other_lock(service: str) -> None:
    assert heavy_in((ROOT / f"requirements/{service}.txt").read_text("utf-8")) == set()


def test_what_recognizes_speech_would_be_found() -> None:
    found = heavy_in((ROOT / "requirements/transcriber.txt").read_text("utf-8"))
    assert found == {"ctranslate2", "onnxruntime", "faster-whisper"}


@every_service
def test_the_reloader_has_what_it_imports(service: str) -> None:
    """The dev images of the others take watchfiles from ingest's lock; the rest is in their own."""
    reloader = re.search(
        r"^watchfiles==.*?[^\\]$",
        (ROOT / "requirements/ingest.txt").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert reloader
    assert locks.read(reloader[0] + "\n").faults == []
    assert "anyio" in locks.read((ROOT / f"requirements/{service}.txt").read_text("utf-8")).pins


_ALONE = """
import sys
from importlib.metadata import packages_distributions

allowed, modules = set(sys.argv[1].split()), sys.argv[2].split()
for name, owners in packages_distributions().items():
    if name not in ("deploy", "services", "shared"):
        if not {owner.lower().replace("_", "-") for owner in owners} & allowed:
            sys.modules[name] = None
for module in modules:
    __import__(module)
"""


def imports_alone(service: str, *modules: str) -> "subprocess.CompletedProcess[str]":
    """Import modules where nothing is installed but what a service's lock names."""
    pins = locks.read((ROOT / f"requirements/{service}.txt").read_text("utf-8")).pins
    command = [sys.executable, "-c", _ALONE, " ".join(pins), " ".join(modules)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_commands_of_an_image_have_what_they_import() -> None:
    """On k3s nobody reaches NATS but from a pod: what waits for a decision is decided there."""
    commands = ("dead_commands", "retranscribe", "spool_commands")
    done = imports_alone(
        "ingest",
        *(f"services.ingest.{name}" for name in commands),
        "deploy.backup.commands",
        "shared.topology_commands",
        "shared.key_commands",
    )
    assert done.returncode == 0, done.stderr
    assert imports_alone("stream", "services.stream.history.commands").returncode == 0
    assert imports_alone("transcriber", "services.transcriber.model_commands").returncode == 0
    assert imports_alone("ingest", "httpx_sse").returncode != 0
