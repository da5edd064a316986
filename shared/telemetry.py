"""Telemetry: traces and metrics by OpenTelemetry, sent by OTLP/HTTP if a receiver is configured.

Without one nothing is imported beyond OpenTelemetry's API, whose spans and instruments then do
nothing. Span names and metric labels hold subject templates, never a recording's id.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress

from opentelemetry import metrics, propagate, trace
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.util.types import AttributeValue

from shared.errors import EchoBaseError
from shared.settings import TelemetrySettings
from shared.subjects import parse_event, parse_submission

tracer = trace.get_tracer("echobase")
meter = metrics.get_meter("echobase")

_operation_duration = meter.create_histogram(
    "messaging.client.operation.duration", "s", "Duration of a messaging operation of a client"
)
_sent = meter.create_counter(
    "messaging.client.sent.messages", "{message}", "Messages that a producer tried to send"
)
_consumed = meter.create_counter(
    "messaging.client.consumed.messages", "{message}", "Messages that were delivered to a consumer"
)
_process_duration = meter.create_histogram(
    "messaging.process.duration", "s", "Duration of processing a message"
)


def setup(service: str, settings: TelemetrySettings) -> Callable[[], None]:
    """Start sending, if a receiver is configured; call what it returns at the end, to flush."""
    if not settings.otlp_endpoint:
        return _nothing
    from shared import otlp  # costs 20 MB and 0.2 s, which only those pay who asked for it

    return otlp.start(service, settings.otlp_endpoint)


def _nothing() -> None:
    """There is nothing to flush."""


def template(subject: str) -> str:
    """A subject without what differs by recording: fit for span names and metric labels."""
    with suppress(ValueError):
        parse_submission(subject)
        return "echobase.submit.{source}.{channel}"
    try:
        parts = parse_event(subject)
    except ValueError:
        return subject
    return f"echobase.events.{{source}}.{{channel}}.{{recording}}.{{version}}.{parts.type}"


@contextmanager
def produce(subject: str, count: int = 1) -> Generator[Span, None, None]:
    """The PRODUCER span around a publish; inject the headers within it.

    `count` is the number of messages, if it is a batch under one fence.
    """
    labels = _labels("publish", subject)
    attributes = _attributes("send", subject, labels)
    if count > 1:
        attributes["messaging.batch.message_count"] = count
    with (
        _measured(_operation_duration, labels) as outcome,
        tracer.start_as_current_span(
            f"publish {template(subject)}", kind=SpanKind.PRODUCER, attributes=attributes
        ) as span,
    ):
        try:
            yield span
        except Exception as error:
            outcome["error.type"] = _error_type(error)
            raise
        finally:
            _sent.add(count, outcome)


@contextmanager
def consume(subject: str, headers: Mapping[str, str], consumer: str) -> Generator[Span, None, None]:
    """The CONSUMER span around the processing of a message, in its producer's trace.

    `headers` are the message's, with its `traceparent`; `consumer` is the durable's name.
    """
    labels = _labels("process", subject) | {"messaging.consumer.group.name": consumer}
    # Parent and link: one trace from end to end, and the producer named as the conventions want.
    context = propagate.extract(headers)
    producer = trace.get_current_span(context).get_span_context()
    _consumed.add(1, labels)
    with (
        _measured(_process_duration, labels) as outcome,
        tracer.start_as_current_span(
            f"process {template(subject)}",
            context=context,
            kind=SpanKind.CONSUMER,
            attributes=_attributes("process", subject, labels),
            links=[Link(producer)] if producer.is_valid else None,
        ) as span,
    ):
        try:
            yield span
        except Exception as error:
            outcome["error.type"] = _error_type(error)
            raise


@contextmanager
def _measured(
    duration: metrics.Histogram, labels: Mapping[str, str]
) -> Generator[dict[str, str], None, None]:
    """Record the time that the context took, under the labels that it leaves in the dictionary."""
    outcome = dict(labels)
    started = time.perf_counter()
    try:
        yield outcome
    finally:
        duration.record(time.perf_counter() - started, outcome)


def _labels(operation: str, subject: str) -> dict[str, str]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.destination.template": template(subject),
    }


def _attributes(kind: str, subject: str, labels: Mapping[str, str]) -> dict[str, AttributeValue]:
    return {
        **labels,
        "messaging.operation.type": kind,
        "messaging.destination.name": subject,
    }


def _error_type(error: Exception) -> str:
    return error.code if isinstance(error, EchoBaseError) else type(error).__qualname__
