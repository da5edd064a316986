"""The sending half of telemetry; imported only where a receiver is configured."""

import logging
import os
import socket
from collections.abc import Callable
from importlib.metadata import version

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_TIMEOUT = 3.0
"""Seconds for one export; also the longest that a lost receiver holds up the end, per signal."""


def start(service: str, endpoint: str) -> Callable[[], None]:
    """Send spans and metrics to an OTLP/HTTP receiver; call what it returns to flush and end.

    Further `OTEL_…` variables of the SDK (headers, sampler, intervals) are heeded.
    """
    base = endpoint.rstrip("/")
    # A receiver that is away is worth one line for each lost batch, and none for each retry.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    resource = Resource.create(
        {
            "service.namespace": "echobase",
            "service.name": f"echobase-{service}",
            "service.version": version("echobase"),
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )
    # The end is ours to order (`lifecycle`); an exit hook would flush a second time.
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=_TIMEOUT))
    )
    meters = MeterProvider(
        [
            PeriodicExportingMetricReader(
                OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=_TIMEOUT)
            )
        ],
        resource,
        shutdown_on_exit=False,
    )
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)

    def stop() -> None:
        tracers.shutdown()
        meters.shutdown(timeout_millis=_TIMEOUT * 1000)

    return stop
