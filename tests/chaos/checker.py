"""What is wrong with a history: pure functions, each of which looks for one kind of harm."""

from collections.abc import Callable, Iterator

from tests.chaos.check_channels import channels, plans
from tests.chaos.check_clients import clients
from tests.chaos.check_doors import answers, metadata
from tests.chaos.check_remains import dead_letters, fence, left_over, objects, polite_ends
from tests.chaos.check_versions import decoded_again, event_order, transcripts, uploads, versions
from tests.chaos.check_webhooks import webhooks
from tests.chaos.finding import Finding
from tests.chaos.history import History

LOOKS: tuple[Callable[[History], Iterator[Finding]], ...] = (
    uploads,
    versions,
    event_order,
    transcripts,
    clients,
    decoded_again,
    dead_letters,
    objects,
    left_over,
    fence,
    polite_ends,
    answers,
    metadata,
    channels,
    plans,
    webhooks,
)


def check(history: History) -> list[Finding]:
    """All that is wrong with a run."""
    return [finding for look in LOOKS for finding in look(history)]
