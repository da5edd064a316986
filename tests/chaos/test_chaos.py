"""The short form of `make chaos`, and runs with a planted fault, each of which must fail."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.door import Door
from tests.chaos.doors import RAW
from tests.chaos.doors_waiting import SpeechDoor
from tests.chaos.faulty import Fault
from tests.chaos.run import Plan, run
from tests.chaos.schedule import Action, Due, Kill, Pause, PowerCut, make_schedule
from tests.chaos.summary import lines

pytestmark = pytest.mark.stack
SEED = 1
SECONDS = 40.0


async def test_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    plan = Plan(SEED, 40, SECONDS, make_schedule(SEED, 8, SECONDS))
    result = await run(plan, tmp_path, print)
    assert result.passed, "\n".join(lines(result))
    assert result.history.traces.fenced > 0
    assert sum(client.connections for client in result.history.clients) > 100


@pytest.mark.parametrize(
    ("faults", "door", "action", "kinds"),
    [
        (("no-fence", "wrong-text"), SpeechDoor(), Pause(), {"doubled", "answer"}),
        (
            ("no-resume", "no-label"),
            RAW,
            Kill("transcriber", 0.2),
            {"decoded again", "transcript", "channel"},
        ),
        (("no-file-sync", "deaf-folder"), RAW, PowerCut(0.2), {"lost", "left over"}),
        (("no-folder-sync", "new-webhook-id"), RAW, PowerCut(0.2), {"lost", "webhook"}),
    ],
    ids=["recognizer", "channel", "file", "folder"],
)
async def test_planted_faults_make_the_run_fail(
    faults: Sequence[Fault], door: Door, action: Action, kinds: set[str], tmp_path: Path
) -> None:
    """Two at a time, each of which makes findings of its own kind."""
    due = [Due(1.0, action)]
    plan = Plan(SEED, 4, 2.0, due, clients=5, patience=5.0, faults=faults, doors=(door,))
    result = await run(plan, tmp_path, print)
    assert kinds <= {finding.kind for finding in result.findings}, "\n".join(lines(result))
