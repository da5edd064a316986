"""A morning on the radio of a county: calls in every state that a call can be in, for pictures."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.bus import Bus
from shared.messages import Metadata
from shared.object_store import ObjectStore
from shared.subjects import Lane
from tests.support.calls import Call
from tests.support.spoken import Line, heard, segments


@dataclass(frozen=True)
class Group:
    """A talkgroup."""

    number: str
    label: str

    @property
    def metadata(self) -> Metadata:
        """As a recorder says it with each call."""
        return {
            "system_label": "Orange County",
            "talkgroup_label": self.label,
            "unit_label": "E7",
            "frequency": 851_012_500,
        }


DISPATCH, GROUND = Group("1201", "Fire Dispatch"), Group("1213", "Fireground 3")
MEDICAL, NORTH = Group("1301", "EMS Dispatch"), Group("1402", "Sheriff North")
ROADS, AIR = Group("1601", "Public Works"), Group("1207", "Air Ambulance")
SOURCE = "11"
# A `~` in front of a word: the model was not sure of it.
GROUND_SAID: tuple[Line, ...] = (
    ("Battalion one on scene, two story residential, smoke showing from the second floor.", 0.94),
    ("Engine seven, take the hydrant at ~Birch and ~Fourth.", 0.91),
    ("Engine seven copies, hydrant at Birch.", 0.76),
    ("Ladder two, primary search complete on the first floor, all clear.", 0.93),
    ("Command, we need one more ambulance at the north side.", 0.64),
    ("Copy, requesting one more ambulance, ~staging at ~Linden ~Court.", 0.88),
)
EARLIER: tuple[tuple[int, Group, tuple[Line, ...]], ...] = (
    (41, MEDICAL, (("Medic three is en route to County General, one patient, stable.", 0.95),)),
    (66, NORTH, (("Traffic stop on Washington, plate ~seven ~kilo ~x-ray four one.", 0.9),)),
    (88, MEDICAL, (("Medic three, chest pain, four one two Oak Street, second floor.", 0.92),)),
    (131, DISPATCH, (("Engine seven and ladder two, smoke report at Birch and Fourth.", 0.93),)),
    (174, ROADS, (("The signal at Main and Ninth is dark, sending a crew.", 0.72),)),
    (205, NORTH, (("Copy, two one four is clear, no report.", 0.91),)),
    (263, DISPATCH, (("All units, radio check at nine hundred hours.", 0.94),)),
    (318, NORTH, (("Suspicious vehicle behind the ~feed store, ~gray pickup.", 0.83),)),
)


async def a_busy_morning(bus: Bus, store: ObjectStore) -> Call:
    """All of it; gives back the longest call, which can be heard."""
    now = datetime.now(UTC)
    failed = Call(bus, "upload", "default", at=now - timedelta(seconds=420))
    await failed.queued()
    await failed.failed("The file holds no audio that can be decoded.")
    silent = Call(bus, SOURCE, AIR.number, metadata=AIR.metadata, at=now - timedelta(seconds=390))
    await silent.whole()
    for ago, group, lines in reversed(EARLIER):
        await heard(
            bus,
            store,
            SOURCE,
            group.number,
            *lines,
            metadata=group.metadata,
            at=now - timedelta(seconds=ago),
        )
    long = await heard(
        bus,
        store,
        SOURCE,
        GROUND.number,
        *GROUND_SAID,
        metadata=GROUND.metadata,
        at=now - timedelta(seconds=24),
    )
    waiting = _live(bus, MEDICAL, now - timedelta(seconds=2), "live")
    await waiting.queued()
    urgent = _live(bus, DISPATCH, now, "urgent")
    await urgent.queued()
    await urgent.started()
    [said] = segments([("Second alarm, structure fire at Birch and Fourth, engine ~five", 0.93)])
    await urgent.segment(said.text, said.confidence, said.words)
    return long


def _live(bus: Bus, group: Group, at: datetime, lane: Lane) -> Call:
    return Call(bus, SOURCE, group.number, duration=6.4, lane=lane, metadata=group.metadata, at=at)
