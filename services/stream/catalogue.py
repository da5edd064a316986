"""What is known of a recording: from the store, and from EVENTS for what is not stored yet."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from services.stream.found import Status
from shared import erasure, object_keys
from shared.bus import Bus
from shared.errors import ObjectMissing
from shared.http.problem import ProblemError
from shared.keeping import Reason
from shared.keys import OPEN, Credential, allowed
from shared.messages import Failed, Recording, Transcript, VersionRequest, decode
from shared.object_store import ObjectStore
from shared.version_state import VersionState, read_recording

_WHY: Mapping[Reason, str] = {
    "request": "somebody asked for that",
    "age": "it was older than what is kept",
    "size": "more was stored than is kept",
}


class VersionView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a recording's transcript, as it stands."""

    version: Annotated[int, Meta(description="Version number")]
    status: Annotated[Status, Meta(description="How far it is")]
    kind: Annotated[
        Literal["model", "correction"],
        Meta(description="Who made it; of a correction `request` says who, when and of what"),
    ]
    request: Annotated[VersionRequest | None, Meta(description="How it was asked for")] = None
    segments: Annotated[int, Meta(description="Segments known so far")] = 0
    code: Annotated[str, Meta(description="Why it failed, as a word for programs")] = ""
    reason: Annotated[str, Meta(description="Why it failed, as a sentence for people")] = ""
    transcript: Annotated[str, Meta(description="Address of the transcript, once there is one")] = (
        ""
    )


class Catalogue:
    """Reads recordings and their versions."""

    def __init__(self, store: ObjectStore, bus: Bus, ingest_url: str) -> None:
        """`ingest_url`: where a recording may still be spooled."""
        self._store = store
        self._bus = bus
        self._ingest_url = ingest_url

    def ids(self, after: str = "") -> AsyncIterator[str]:
        """Ids of what the store holds, in their order, after a given one. Raises StoreUnavailable.

        A recording whose storing has only begun is among them.
        """
        return self._store.folders(object_keys.RECORDINGS, after)

    async def find(self, id: str) -> Recording | None:
        """The recording; None if the store does not have it. Raises StoreUnavailable."""
        try:
            return decode(await self._store.get(object_keys.record(id)), Recording)
        except ObjectMissing:
            return None

    async def recording(self, id: str, credential: Credential = OPEN) -> Recording:
        """The recording. Raises ProblemError (404), StoreUnavailable.

        What `credential` does not reach is as unknown as what is not there.
        """
        found = await self.find(id)
        if found is None and not credential.limits:  # of whom a deleted one was, nobody knows
            await self._refuse_deleted(id)
        if found is None or not allowed(credential, found.source, found.channel):
            raise ProblemError(
                404,
                f"There is no recording {id!r} in the store. If it was sent a moment ago it may "
                f"still be on its way: ask {self._ingest_url}/v1/spool/{id}.",
                code="unknown-recording",
            )
        return found

    async def check_audio(self, recording: Recording) -> None:
        """Raises ProblemError (410) if the audio was deleted, and StoreUnavailable."""
        if await self._store.stat(recording.audio) is None:
            key = object_keys.forgotten(recording.id)
            forgotten = await erasure.read(self._store, key, erasure.Forgotten)
            if forgotten is None:
                raise ProblemError(404, "The audio is not in the store.", code="object-missing")
            detail = f"The audio was deleted on {forgotten.time:%Y-%m-%d}: "
            raise ProblemError(410, f"{detail}{_WHY[forgotten.reason]}.", code="deleted")

    async def _refuse_deleted(self, id: str) -> None:
        stone = await erasure.tombstone(self._store, id)
        if stone is not None:
            detail = f"The recording was deleted on {stone.time:%Y-%m-%d}: {_WHY[stone.reason]}."
            raise ProblemError(410, detail, code="deleted")

    async def versions(self, id: str) -> list[VersionView]:
        """Every version of a recording, in order.

        Raises StoreUnavailable; BusUnavailable if that is needed to tell how far a version is.
        """
        asked: dict[int, bool] = {}
        async for found in self._store.list(object_keys.versions_prefix(id)):
            if (number := object_keys.version_of(found.key)) is not None:
                done = found.key == object_keys.transcript(id, number)
                asked[number] = asked.get(number, False) or done
        # A transcript is the last word: the bus is asked only where one is missing.
        states = {} if asked and all(asked.values()) else await read_recording(self._bus, id)
        return [
            version_view(
                number,
                stored=asked.get(number, False),
                state=states.get(number) or await self._forgotten(id, number, asked),
                request=await self._request(id, number) if number in asked else None,
            )
            for number in sorted({*asked, *states})
        ]

    async def _forgotten(self, id: str, number: int, asked: Mapping[int, bool]) -> VersionState:
        """What the store knows of a version of which EVENTS knows nothing (any more)."""
        if asked.get(number, False):
            return VersionState()
        failed = await erasure.read(self._store, object_keys.failed(id, number), Failed)
        return VersionState(failed=failed)

    async def transcript(
        self, id: str, version: int | None, credential: Credential = OPEN
    ) -> Transcript:
        """A version's transcript, or the newest there is.

        Raises ProblemError: 404 if the recording or the version is unknown, 409 if it is not
        ready, 410 if it failed. Raises StoreUnavailable, BusUnavailable.
        """
        if version is not None and not credential.limits:
            try:
                return await self._transcript(id, version)
            except ObjectMissing:
                pass
        await self.recording(id, credential)
        versions = await self.versions(id)
        number = choose(versions, version)
        return await self._transcript(id, number)

    async def audio(self, key: str, start: int, length: int) -> bytes:
        """A part of a recording's audio. Raises ObjectMissing, StoreUnavailable."""
        return await self._store.get_range(key, start, length)

    async def _transcript(self, id: str, version: int) -> Transcript:
        return decode(await self._store.get(object_keys.transcript(id, version)), Transcript)

    async def _request(self, id: str, version: int) -> VersionRequest | None:
        try:
            return decode(await self._store.get(object_keys.request(id, version)), VersionRequest)
        except ObjectMissing:
            return None


def version_view(
    number: int, *, stored: bool, state: VersionState, request: VersionRequest | None
) -> VersionView:
    """How a version stands: `stored` says whether its transcript is in the store."""
    status: Status = "queued"
    if stored or state.completed or state.corrected:
        status = "completed"
    elif state.failed:
        status = "failed"
    elif state.starts and not state.waiting:
        status = "started"
    failed = state.failed if status == "failed" else None
    return VersionView(
        version=number,
        status=status,
        kind="correction" if request and request.correction else "model",
        request=request,
        segments=len(state.segments),
        code=failed.code if failed else "",
        reason=failed.reason if failed else "",
    )


def choose(versions: list[VersionView], wanted: int | None) -> int:
    """The version whose transcript to give: the wanted one, else the newest that has one.

    A correction is given before what a model made, even later. Raises ProblemError as
    `Catalogue.transcript` does.
    """
    if wanted is not None:
        candidates = [view for view in versions if view.version == wanted]
    else:
        candidates = versions
    if not candidates:
        asked = "no version yet" if wanted is None else f"no version {wanted}"
        # A recording is stored before its first version is claimed: that one is on its way.
        status = 409 if wanted is None else 404
        raise ProblemError(status, f"The recording has {asked}.", code="unknown-version")
    completed = [view for view in candidates if view.status == "completed"]
    if completed:
        return max(completed, key=lambda view: (view.kind == "correction", view.version)).version
    newest = candidates[-1]
    if newest.status == "failed":
        detail = f"Version {newest.version} failed: {newest.reason}"
        raise ProblemError(410, detail, code=newest.code or "failed")
    detail = f"Version {newest.version} is not ready: it is {newest.status}."
    raise ProblemError(409, detail, code="not-ready")
