"""Fixtures of the whole suite; a skipped test is a failed one."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from uuid import uuid4

import msgspec
import pytest
from _pytest.capture import CaptureManager

from deploy.local import ports
from shared.settings import LocalSettings, StoreSettings
from tests.support.servers import NatsFixture, S3Fixture

_OURS = ("ECHOBASE_", "WHISPER_", "FLASK_", "API_", "CALL_WATCH_", "OTEL_", "AUDIO")


def pytest_configure() -> None:
    """What the developer has set is no part of a test."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{part}") for part in ("", "_COUNT"))
    if worker and workers:
        _keep_apart(int(worker.removeprefix("gw")), int(workers))


def _keep_apart(worker: int, workers: int) -> None:
    """Servers that start at the same time take no port that another was given: each worker has
    ports of its own, and half of them are for the stacks that it runs."""
    first, last = LocalSettings().inner_span
    half = (last - first) // (2 * workers)
    first += 2 * half * worker
    ports.keep_to(range(first, first + half))
    os.environ["ECHOBASE_INNER_PORTS"] = f"{first + half}-{first + 2 * half - 1}"


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """What is told so reaches the terminal, also if no test fails."""

    def told(text: str) -> None:
        capture = pytestconfig.pluginmanager.getplugin("capturemanager")
        assert isinstance(capture, CaptureManager)
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{text}\n")

    return told


@pytest.fixture
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsFixture]:
    """A fresh nats-server with an empty JetStream; it takes some milliseconds to start."""
    server = NatsFixture(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Fixture]:
    """The session's S3 server. Who kills it must start it again before the test ends."""
    server = S3Fixture(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def store_settings(s3_server: S3Fixture, tell: Callable[[str], None]) -> StoreSettings:
    """The S3 server with a bucket's name that no other test has; the bucket does not exist yet."""
    s3_server.see_to_it(tell)
    return msgspec.structs.replace(s3_server.settings, store_bucket=f"test-{uuid4().hex}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that is not run, or may fail, proves nothing: it counts as failed."""
    report = yield
    if report.skipped or hasattr(report, "wasxfail"):
        report.longrepr = f"not run or allowed to fail, so it failed: {report.longrepr}"
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a module that skips itself."""
    report = yield
    if report.skipped:
        report.longrepr = f"not collected, so it failed: {report.longrepr}"
        report.outcome = "failed"
    return report
