"""One recording, one trace: from the upload through NATS and the model to the browser's event."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from deploy.local.samples import samples
from shared.client import Client
from tests.support.otlp import Receiver
from tests.support.stack import RunningStack, events_of, words

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


async def test_one_trace_holds_all_three_services(tmp_path: Path):
    with Receiver() as receiver:
        stack = RunningStack(tmp_path, ECHOBASE_OTLP_ENDPOINT=receiver.endpoint)
        stack.start()
        async with Client(stack.addresses) as client:
            events = await events_of(client, await client.upload(CALL.path, {}))
        assert words(events) == CALL.text
        # Each service sends what it still holds when it ends.
        assert stack.stop() == 0
        spans = receiver.spans()

    upload = next(span for _, span in spans if span.name == "POST /v1/recordings")
    ours = [(service, span) for service, span in spans if span.trace_id == upload.trace_id]
    names: dict[str, set[str]] = {}
    for service, span in ours:
        names.setdefault(service.removeprefix("echobase-"), set()).add(span.name)
    assert names.keys() == {"ingest", "transcriber", "stream"}
    assert "publish echobase.jobs.live" in names["ingest"]
    assert {"process echobase.jobs.live", "fetch", "decode", "vad", "model"} <= names["transcriber"]
    for kind in ("queued", "started", "segment", "completed"):
        assert any(name.startswith("fan out") and name.endswith(kind) for name in names["stream"])

    by_id = {span.span_id: span for _, span in ours}
    assert not upload.parent_span_id
    assert all(_root(span, by_id) == upload.span_id for _, span in ours)


def _root(span: Span, by_id: Mapping[bytes, Span]) -> bytes:
    """The id of the span at the end of the chain of parents."""
    while span.parent_span_id:
        span = by_id[span.parent_span_id]
    return span.span_id
