"""The ways by which a recording can be sent. Each new one is added to `DOORS`."""

from typing import Protocol

import httpx

from tests.chaos.clips import Clip


class Door(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """For the summary."""
        ...

    async def send(
        self, http: httpx.AsyncClient, ingest: str, clip: Clip, *, words: bool
    ) -> httpx.Response:
        """Send a clip once; `words` asks for each word's time, which makes another version.

        `ingest` is the service's address. Raises httpx.TransportError.
        """
        ...


class RawDoor:
    """The bare audio as the body, the fields in the query."""

    name = "raw body"

    async def send(
        self, http: httpx.AsyncClient, ingest: str, clip: Clip, *, words: bool
    ) -> httpx.Response:
        """See `Door.send`."""
        return await http.post(
            f"{ingest}/v1/recordings",
            params={**_fields(clip, words=words), "filename": clip.path.name},
            content=clip.path.read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )


class FormDoor:
    """A form with the audio as the field `file`."""

    name = "multipart form"

    async def send(
        self, http: httpx.AsyncClient, ingest: str, clip: Clip, *, words: bool
    ) -> httpx.Response:
        """See `Door.send`."""
        return await http.post(
            f"{ingest}/v1/recordings",
            data=_fields(clip, words=words),
            files={"file": (clip.path.name, clip.path.read_bytes())},
        )


DOORS: tuple[Door, ...] = (RawDoor(), FormDoor())


def _fields(clip: Clip, *, words: bool) -> dict[str, str]:
    fields = {"source": clip.source, "channel": clip.channel}
    if clip.start is not None:
        fields["start"] = clip.start.isoformat()
    if words:
        fields["words"] = "true"
    return fields
