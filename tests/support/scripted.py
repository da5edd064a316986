"""A worker's tests with a scripted engine: the engine, what was said, what another worker did."""

from collections.abc import Callable

from services.transcriber.attempt import common
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from services.transcriber.schedule import Limits
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from shared.messages import Event, Job, Started, decode_event
from shared.topology import EVENTS
from shared.writer import VersionWriter
from tests.support.transcribing import Site

TRAITS = Traits(longest_chunk=8, join_pauses=False, shortest_pause=0.3, padding=0.15)
ONE = Limits(most=1, wait=0)
CALL = "hospital.ogg"
"""Has two chunks under these traits."""


def engine(script: Callable[[Chunk], list[Spoken]] = say_start) -> ScriptedEngine:
    return ScriptedEngine(traits=TRAITS, script=script)


async def events(site: Site) -> list[Event]:
    found: list[Event] = []
    async for batch in site.bus.read(EVENTS.name, ["echobase.events.>"]):
        found += [decode_event(message.data) for message in batch]
    return found


async def writer_of(site: Site, job: Job) -> VersionWriter:
    state = await site.version(job)
    return VersionWriter(
        site.bus, job.source, job.channel, job.recording, job.version, state.last_sequence
    )


async def nothing_pending(site: Site) -> bool | None:
    return True if await site.pending() == 0 else None


async def start_elsewhere(site: Site, job: Job, model: str = "scripted") -> None:
    """Another worker takes the version."""
    state = await site.version(job)
    writer = await writer_of(site, job)
    plan = make_plan(job.options, site.settings, model, TRAITS)
    await writer.publish(
        Started(**common(job), worker="other", attempt=len(state.starts) + 1, plan=plan)
    )
