"""The words that the bundled model knows: `../README.md` lists them for people."""

from typing import Final


def split(text: str) -> tuple[str, ...]:
    """A list of words, written as people write them."""
    return tuple(text.split())


LETTERS: Final = split(
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november "
    "oscar papa quebec romeo sierra tango uniform victor whiskey x-ray yankee zulu"
)
DIGITS: Final = split("zero one two three four five six seven eight nine")
UNITS: Final = split("engine ladder medic rescue truck battalion squad unit ambulance car")
STREETS: Final = split(
    "main oak maple elm pine cedar washington lincoln park lake hill river church spring "
    "center broadway"
)
WAYS: Final = split("street avenue road drive lane boulevard")
SIDES: Final = split("north south east west")
BOUND: Final = tuple(f"{side}bound" for side in SIDES)
INCIDENTS: Final = (
    "structure fire",
    "vehicle accident",
    "medical emergency",
    "smoke alarm",
    "gas leak",
    "chest pain",
    "unconscious person",
    "fall victim",
    "traffic stop",
    "suspicious person",
    "domestic dispute",
    "burglary alarm",
    "brush fire",
    "water rescue",
    "power lines down",
)
STATUS: Final = (
    "en route",
    "on scene",
    "responding",
    "available",
    "clear",
    "returning to station",
    "staging",
    "out of service",
    "in service",
    "at the hospital",
    "transporting",
)
ACKNOWLEDGMENTS: Final = (
    "10-4",
    "copy",
    "copy that",
    "roger",
    "affirmative",
    "negative",
    "stand by",
    "go ahead",
    "say again",
)
COLORS: Final = split("red blue white black silver green")
VEHICLES: Final = split("sedan pickup van suburban motorcycle")
NEEDS: Final = ("backup", "one more ambulance", "an engine", "a supervisor", "police")
PHRASES: Final = (
    "what is your location",
    "cancel",
    "hold position",
    "requesting backup",
    "fire is out",
    "patient is stable",
    "priority one",
)
CONNECTIVES: Final = split(
    "dispatch all units respond to at and license plate time switch to channel we need"
)


def vocabulary() -> list[str]:
    """Every word, once, in order of the alphabet."""
    groups = (
        *(LETTERS, DIGITS, UNITS, STREETS, WAYS, SIDES, BOUND, INCIDENTS, STATUS),
        *(ACKNOWLEDGMENTS, COLORS, VEHICLES, NEEDS, PHRASES, CONNECTIVES),
    )
    return sorted({word for group in groups for phrase in group for word in phrase.split()})
