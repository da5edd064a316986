"""The short form of `make chaos`, and runs with a planted fault, each of which must fail."""

from pathlib import Path

import pytest

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
    ("fault", "action", "kinds"),
    [
        ("no-fence", Pause(), {"doubled"}),
        ("no-resume", Kill("transcriber", 0.2), {"decoded again", "transcript"}),
        ("no-file-sync", PowerCut(0.2), {"lost"}),
        ("no-folder-sync", PowerCut(0.2), {"lost"}),
    ],
)
async def test_a_planted_fault_makes_the_run_fail(
    fault: Fault, action: Action, kinds: set[str], tmp_path: Path
) -> None:
    plan = Plan(SEED, 4, 2.0, [Due(1.0, action)], clients=5, patience=5.0, fault=fault)
    result = await run(plan, tmp_path, print)
    assert kinds <= {finding.kind for finding in result.findings}, "\n".join(lines(result))
