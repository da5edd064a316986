"""Whatever is sent: a clear answer, nothing left of it, and the next good recording is transcribed.

The short form, a hundred pieces of as many kinds; `make soak` sends a thousand.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.deal import deal
from tests.soak.run import Soak
from tests.soak.site import Site, soaked
from tests.soak.summary import lines

pytestmark = pytest.mark.stack

PIECES = 100


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with soaked(tmp_path) as site:
        yield site


async def test_bad_input_harms_nothing(site: Site, tmp_path: Path) -> None:
    soak = Soak(site, seed=1, tell=lambda _: None)
    result = await soak.run(deal(1, PIECES, tmp_path))
    assert result.findings == [], "\n".join(lines(result))
    assert result.good == PIECES
    assert len(result.outcomes) > 90
