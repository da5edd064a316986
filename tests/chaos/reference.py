"""The transcripts of an undisturbed run: the same worker, with nothing that could fail."""

from collections.abc import Callable, Mapping
from pathlib import Path

from services.transcriber.engine import Engine
from services.transcriber.engines import load_own
from shared import object_keys
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Job, Options
from shared.topology import topology
from tests.chaos.clips import Clip
from tests.chaos.history import Asked, Undisturbed
from tests.chaos.stack import MODEL
from tests.support.transcribing import Site


async def undisturbed(
    folder: Path,
    clips: Mapping[str, Clip],
    wanted: Mapping[Asked, Options],
    tell: Callable[[str], None],
) -> Mapping[Asked, Undisturbed]:
    """The transcript of each wanted version; `clips` by their recording's id."""
    bus = MemoryBus()
    await bus.ensure(topology())
    site = Site(bus, MemoryStore(), folder, MODEL)
    engine: Engine = load_own(MODEL)[0]
    made: dict[Asked, Undisturbed] = {}
    async with site.worker(engine):
        for asked in sorted(wanted):
            made[asked] = await _transcribe(site, clips[asked.recording], wanted[asked])
            if len(made) % 50 == 0:
                tell(f"{len(made)} undisturbed transcripts")
    return made


async def _transcribe(site: Site, clip: Clip, options: Options) -> Undisturbed:
    job = Job(
        recording=clip.recording,
        version=2 if options.words else 1,
        source=clip.source,
        channel=clip.channel,
        lane="live",
        audio=object_keys.audio(clip.recording, clip.path.suffix[1:]),
        duration=clip.seconds,
        options=options,
    )
    await site.submit(job, clip.path.read_bytes())
    await site.finished(job)
    found = await site.transcript(job)
    return Undisturbed(found.segments, found.text, found.language, found.duration)
