"""What webhooks count and measure."""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Observation

from shared.telemetry import meter

_RECEIVER = "echobase.webhook"
_posts = meter.create_counter("echobase.stream.webhooks.posts", "{post}", "Posts by their outcome")
_seconds = meter.create_histogram(
    "echobase.stream.webhooks.duration", "s", "What a receiver took to answer, or to fail"
)
_dead = meter.create_counter(
    "echobase.stream.webhooks.dead", "{event}", "Events that went to the dead letters"
)


def posted(receiver: str, outcome: str, seconds: float) -> None:
    """A post ended: `delivered`, `failed` or `gone`."""
    labels = {_RECEIVER: receiver, "outcome": outcome}
    _posts.add(1, labels)
    _seconds.record(seconds, labels)


def buried(receiver: str) -> None:
    """An event went to the dead letters."""
    _dead.add(1, {_RECEIVER: receiver})


def watch(pending: Callable[[], Mapping[str, int]]) -> None:
    """Tell how much waits for each receiver whenever the meter asks."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {_RECEIVER: id}) for id, count in pending().items()]

    meter.create_observable_gauge(
        "echobase.stream.webhooks.pending", [observe], "{event}", "Events that wait to be posted"
    )
