"""The hub encodes an event once, and traces its fan-out once, in the trace of who published it."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.stream.frames import Frames
from shared import subjects, telemetry
from shared.bus import StoredMessage

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def message(sequence: int) -> StoredMessage:
    subject = subjects.event("county", "5", "a" * 32, 1, "segment")
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    return StoredMessage(subject, b'{"type":"segment"}', headers, sequence)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What was traced."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("test"))
    return exporter


def test_one_frame_serves_every_reader() -> None:
    frames = Frames(traced=False)
    assert frames.of("e", message(1), 2) is frames.of("e", message(1), 2)
    assert frames.of("e", message(1), 2) != frames.of("f", message(1), 2)


def test_only_the_latest_frames_are_kept() -> None:
    frames = Frames(traced=False, most=10)
    first = frames.of("e", message(1), 1)
    for sequence in range(2, 12):
        frames.of("e", message(sequence), 1)
    assert frames.of("e", message(1), 1) is not first


def test_a_fan_out_is_traced_once(spans: InMemorySpanExporter) -> None:
    frames = Frames(traced=True, most=1)
    for sequence in (1, 2, 1, 2, 1):
        frames.of("e", message(sequence), 3)
    found = spans.get_finished_spans()
    assert len(found) == 2
    for span in found:
        assert span.parent is not None
        assert trace.format_trace_id(span.parent.trace_id) == TRACE
        assert trace.format_span_id(span.parent.span_id) == SPAN
        assert "a" * 32 not in span.name


def test_without_telemetry_nothing_is_traced(spans: InMemorySpanExporter) -> None:
    Frames(traced=False).of("e", message(1), 1)
    assert spans.get_finished_spans() == ()
