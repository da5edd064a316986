"""What is said of a history that is not live yet."""

import pytest

from services.stream.history.progress import Progress, Stage
from shared.errors import Unavailable


@pytest.mark.parametrize(
    ("stage", "whole", "trouble", "status"),
    [
        ("waiting", False, "", "failed"),
        ("listing", False, "", "failed"),
        ("reading", False, "", "failed"),
        ("listing", False, "The S3 store is away.", "degraded"),
        ("reading", False, "NATS is away", "degraded"),
        ("waiting", True, "", "degraded"),
        ("reading", True, "", "degraded"),
        ("live", True, "", "ok"),
    ],
)
async def test_a_replica_is_ready_once_its_history_was_whole(
    stage: Stage, whole: bool, trouble: str, status: str
) -> None:
    found = await Progress(stage=stage, whole=whole, trouble=trouble, recordings=7).health()
    assert found.status == status
    assert trouble in found.detail
    if stage == "listing":
        assert "7 recordings" in found.detail


def test_lists_wait_until_the_store_was_listed_once() -> None:
    with pytest.raises(Unavailable, match="12 recordings of the store were read so far"):
        Progress(stage="listing", recordings=12).check_complete()
    Progress(stage="listing", listed=True).check_complete()
