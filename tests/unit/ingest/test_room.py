"""How much the spool may hold."""

import pytest

from services.ingest.room import Room
from shared.errors import Full


def test_room_is_bounded_by_bytes() -> None:
    room = Room(most=100, least_free=0, free=lambda: 10_000)
    room.take(100)
    with pytest.raises(Full, match=r"100 of 100 bytes.*ECHOBASE_SPOOL_MAX_BYTES"):
        room.take(1)
    room.give(40)
    assert room.lacking(40) == 0
    assert room.lacking(50) == 10


def test_room_is_bounded_by_the_free_disk() -> None:
    room = Room(most=10_000, least_free=100, free=lambda: 150)
    room.take(50)
    with pytest.raises(Full, match="ECHOBASE_SPOOL_MIN_FREE_BYTES"):
        room.take(51)
    assert room.used == 50
    assert room.lacking(60) == 10
