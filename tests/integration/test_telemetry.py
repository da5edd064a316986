"""Traces and metrics, received by a real OTLP receiver from real processes."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp import Receiver, attributes

RECORDING = "0123456789abcdef0123456789abcdef"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"

SERVICE = f"""
    import asyncio, contextvars, logging
    from litestar import Litestar, get, post
    from litestar.params import FromPath
    from litestar.testing import AsyncTestClient
    from opentelemetry import propagate
    from shared import subjects
    from shared.errors import FenceLost
    from shared.http.problem import exception_handlers
    from shared.http.tracing import UNTRACED, Traced
    from shared.lifecycle import run
    from shared.telemetry import consume, produce

    RECORDING = "{RECORDING}"
    EVENT = subjects.event("police", "alpha", RECORDING, 1, "segment")
    headers = {{}}

    @post("/v1/recordings/{{recording:str}}")
    async def submit(recording: FromPath[str]) -> None:
        with produce("echobase.jobs.live"):
            propagate.inject(headers)
        logging.getLogger("x").info("submitted")

    @get("/fails")
    async def fails() -> None:
        raise OSError("no disk")

    @get("/quiet", opt={{UNTRACED: True}})
    async def quiet() -> None: ...

    def work():
        with consume("echobase.jobs.live", headers, "transcriber-live"):
            with produce(EVENT, count=3):
                pass
            try:
                with produce(EVENT):
                    raise FenceLost("another writer")
            except FenceLost:
                pass

    async def main(life):
        app = Litestar(
            [submit, fails, quiet], middleware=[Traced()], logging_config=None,
            exception_handlers=exception_handlers(), openapi_config=None,
        )
        async with AsyncTestClient(app, raise_server_exceptions=False) as http:
            parent = {{"traceparent": "00-{TRACE}-{CALLER}-01"}}
            answer = await http.post("/v1/recordings/" + RECORDING, headers=parent)
            assert answer.status_code == 201
            assert (await http.get("/fails")).status_code == 500
            assert (await http.get("/quiet")).status_code == 200
        contextvars.Context().run(work)

    run("ingest", main)
"""


def run_child(
    folder: Path, code: str, endpoint: str, **env: str
) -> subprocess.CompletedProcess[str]:
    script = folder / "service.py"
    script.write_text(textwrap.dedent(code))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ECHOBASE_", "OTEL_"))}
    return subprocess.run(
        # As in the tests themselves: no warning of a library's may pass unseen.
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env=inherited | {"ECHOBASE_OTLP_ENDPOINT": endpoint} | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, str]]:
    """What one run of the service sent, and its log."""
    with Receiver() as receiver:
        # The exporter's interval is a minute: what arrives has been flushed at the end.
        ended = run_child(tmp_path_factory.mktemp("service"), SERVICE, receiver.endpoint)
        assert ended.returncode == 0, ended.stderr
        yield receiver, ended.stderr


def only(receiver: Receiver, name: str) -> Span:
    [found] = [span for _, span in receiver.spans() if span.name == name]
    return found


EVENTS = "echobase.events.{source}.{channel}.{recording}.{version}.segment"


def test_one_trace_goes_from_the_request_to_the_event(told: tuple[Receiver, str]):
    receiver, _ = told
    request = only(receiver, "POST /v1/recordings/{recording}")
    sent = only(receiver, "publish echobase.jobs.live")
    work = only(receiver, "process echobase.jobs.live")
    events = [span for _, span in receiver.spans() if span.name == f"publish {EVENTS}"]
    chain = [request, sent, work, *events]
    assert {span.trace_id.hex() for span in chain} == {TRACE}
    assert request.parent_span_id.hex() == CALLER
    assert sent.parent_span_id == request.span_id
    assert work.parent_span_id == sent.span_id
    assert [link.span_id for link in work.links] == [sent.span_id]
    assert {span.parent_span_id for span in events} == {work.span_id}
    kinds = Span.SpanKind
    assert [span.kind for span in chain] == [
        kinds.SPAN_KIND_SERVER,
        kinds.SPAN_KIND_PRODUCER,
        kinds.SPAN_KIND_CONSUMER,
        kinds.SPAN_KIND_PRODUCER,
        kinds.SPAN_KIND_PRODUCER,
    ]
    assert {service for service, _ in receiver.spans()} == {"echobase-ingest"}


def test_spans_have_the_attributes_of_the_conventions(told: tuple[Receiver, str]):
    receiver, _ = told
    request = attributes(only(receiver, "POST /v1/recordings/{recording}").attributes)
    assert request["http.request.method"] == "POST"
    assert request["http.response.status_code"] == 201
    work = attributes(only(receiver, "process echobase.jobs.live").attributes)
    assert work == {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.template": "echobase.jobs.live",
        "messaging.destination.name": "echobase.jobs.live",
        "messaging.consumer.group.name": "transcriber-live",
    }
    batch, _ = [span for _, span in receiver.spans() if span.name == f"publish {EVENTS}"]
    assert attributes(batch.attributes)["messaging.batch.message_count"] == 3
    assert RECORDING in str(attributes(batch.attributes)["messaging.destination.name"])


def test_failures_are_marked(told: tuple[Receiver, str]):
    receiver, _ = told
    failed = only(receiver, "GET /fails")
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert attributes(failed.attributes)["http.response.status_code"] == 500
    assert not [span for _, span in receiver.spans() if "quiet" in span.name]


def points(metric: Metric) -> list[dict[str, str | int]]:
    data = metric.histogram.data_points or metric.sum.data_points
    return [attributes(point.attributes) for point in data]


def test_metrics_are_named_by_the_conventions_and_hold_no_recording(told: tuple[Receiver, str]):
    receiver, _ = told
    found = {metric.name: metric for metric in receiver.metrics()}
    assert set(found) >= {
        "http.server.request.duration",
        "messaging.client.operation.duration",
        "messaging.client.sent.messages",
        "messaging.client.consumed.messages",
        "messaging.process.duration",
    }
    labels = [point for metric in found.values() for point in points(metric)]
    assert labels
    assert RECORDING not in json.dumps(labels)
    assert not [span.name for _, span in receiver.spans() if RECORDING in span.name]
    sent = {
        (attributes(p.attributes)["messaging.destination.template"], error): p.as_int
        for p in found["messaging.client.sent.messages"].sum.data_points
        for error in [attributes(p.attributes).get("error.type")]
    }
    assert sent == {("echobase.jobs.live", None): 1, (EVENTS, None): 3, (EVENTS, "fence-lost"): 1}


def test_the_log_names_the_trace(told: tuple[Receiver, str]):
    _, log = told
    records = [json.loads(line) for line in log.splitlines()]
    [record] = [each for each in records if each["message"] == "submitted"]
    assert record["trace_id"] == TRACE


def test_without_a_receiver_nothing_is_imported(tmp_path: Path):
    code = """
        import sys
        from shared.lifecycle import run
        from shared.telemetry import produce

        async def main(life):
            with produce("echobase.jobs.live") as span:
                assert not span.is_recording()
            for name in sys.modules:
                assert not name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")), name

        run("ingest", main)
    """
    ended = run_child(tmp_path, code, "")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_receiver_that_is_away_does_no_harm(tmp_path: Path):
    code = """
        from shared.lifecycle import run
        from shared.telemetry import produce

        async def main(life):
            with produce("echobase.jobs.live"):
                pass

        run("ingest", main)
    """
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    ended = run_child(tmp_path, code, f"http://127.0.0.1:{port}", ECHOBASE_GRACE="20")
    assert ended.returncode == 0
    messages = [json.loads(line)["message"] for line in ended.stderr.splitlines()]
    assert len(messages) == 2
    assert all(message.startswith("Failed to export") for message in messages)
