"""The schedule and the plans: the same for the same seed, and every kind of harm in it."""

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.clips import RADIO, START, TALKGROUPS, Clip, Studio, unique
from tests.chaos.doors import DOORS
from tests.chaos.followers import plan_clients
from tests.chaos.producer import plan_uploads
from tests.chaos.schedule import TARGETS, Action, Kill, make_schedule


def clip(number: int) -> Clip:
    """A clip of which there is no file; every other one is a call."""
    path, sha256 = Path(f"{number}.wav"), f"{number:064x}"
    if number % 2:
        return Clip(path, RADIO, TALKGROUPS[0], START, sha256, 5.0, is_tagged=True)
    return Clip(path, "county", "fire", None, sha256, 5.0)


def test_the_same_seed_makes_the_same_schedule() -> None:
    assert make_schedule(1, 8, 60) == make_schedule(1, 8, 60)
    assert make_schedule(1, 8, 60) != make_schedule(2, 8, 60)


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_holds_every_kind_of_harm_in_its_time(seed: int) -> None:
    schedule = make_schedule(seed, 8, 60)
    kills = Counter(due.action.target for due in schedule if isinstance(due.action, Kill))
    assert set(kills) == set(TARGETS)
    assert kills.total() == 8
    others = [due.action for due in schedule if not isinstance(due.action, Kill)]
    assert {type(action) for action in others} == set(Action.__args__) - {Kill}
    times = [due.at for due in schedule]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] <= 60


def test_no_kills_are_no_harm_at_all() -> None:
    assert make_schedule(1, 0, 60) == []


def test_every_clip_is_sent_and_some_are_sent_twice_or_with_words() -> None:
    clips = [clip(n) for n in range(200)]
    uploads = plan_uploads(1, clips, 60)
    assert {u.clip for u in uploads if not u.words} == set(clips)
    assert len({u.clip for u in uploads if u.words}) > 5
    assert {u.again for u in uploads} == {"no", "at once", "later"}
    assert {u.door.name for u in uploads} == {door.name for door in DOORS}
    assert all(0 <= u.at <= 60 for u in uploads)
    assert uploads == plan_uploads(1, clips, 60)


def test_clients_follow_everything_and_parts_of_it() -> None:
    clients = plan_clients(1, [clip(n) for n in range(9)], 10)
    assert any(client.filter.recordings for client in clients)
    assert any(client.filter.channels and client.filter.types for client in clients)
    assert any(client.filter == type(client.filter)() for client in clients)


def test_clips_are_different_files_and_the_same_audio_for_the_same_seed(tmp_path: Path) -> None:
    made: list[list[Clip]] = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        studio = Studio(tmp_path / name, 7)
        made.append([studio.long(20), studio.bulky(3), *(studio.short() for _ in range(6))])
    # Some containers hold a random number, so that the bytes need not be the same.
    assert [(c.source, c.channel, c.start, c.seconds) for c in made[0]] == [
        (c.source, c.channel, c.start, c.seconds) for c in made[1]
    ]
    assert len(unique(made[0])) == 8
    assert made[0][0].seconds > 20
    with pytest.raises(ValueError, match="same recording"):
        unique([made[0][0], made[1][0]])
