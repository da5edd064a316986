"""The latest events' frames, so that each is encoded once for all its readers."""

from collections import OrderedDict

from opentelemetry.trace import SpanKind

from services.stream import sse
from shared import telemetry
from shared.bus import StoredMessage
from shared.envelope import trace_context

_KEPT = 1024


class Frames:
    """Encodes an event when it is asked for the first time."""

    def __init__(self, traced: bool, most: int = _KEPT) -> None:
        """`traced`: make a span for each; `most`: frames that are kept."""
        self._most = most
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._traced = traced
        self._last_traced = ("", 0)

    def of(self, epoch: str, message: StoredMessage, readers: int) -> bytes:
        """The frame of an event, about to be sent to one of so many readers."""
        key = (epoch, message.sequence)
        if frame := self._kept.get(key):
            return frame
        if self._traced and self._is_new(key):
            frame = self._encode_traced(epoch, message, readers)
        else:
            frame = sse.event_frame(epoch, message)
        self._kept[key] = frame
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return frame

    def _is_new(self, key: tuple[str, int]) -> bool:
        """Whether the event is fanned out for the first time: a replay is not traced again."""
        known_epoch, known = self._last_traced
        if key[0] == known_epoch and key[1] <= known:
            return False
        self._last_traced = key
        return True

    def _encode_traced(self, epoch: str, message: StoredMessage, readers: int) -> bytes:
        with telemetry.tracer.start_as_current_span(
            f"fan out {telemetry.template(message.subject)}",
            context=trace_context(message.headers),
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.operation.name": "fan out",
                "messaging.destination.name": message.subject,
                "echobase.readers": readers,
            },
        ):
            return sse.event_frame(epoch, message)
