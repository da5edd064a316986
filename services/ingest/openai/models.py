"""`GET /v1/models`: the models that the site's transcribers have, as OpenAI lists its own."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import PathParameter
from msgspec import Meta, Struct

from services.ingest.openai.asked import DEFAULT_MODEL
from services.ingest.openai.errors import IN_OPENAIS_SHAPE, UnknownModel, described
from services.ingest.upstream import Upstream
from shared.errors import BusUnavailable
from shared.http.auth import require

_FRESH = 2.0
"""Seconds for which an answer serves everybody who asks."""
_PATIENCE = 2.0
"""Seconds after which a bus that does not answer counts as away."""
_MODELS = "models"
_MODEL = "model"
"""What transcribers announce: their own model, and others that they have, separated by commas."""


class ModelView(Struct, frozen=True, kw_only=True):
    """A model."""

    id: Annotated[str, Meta(description="Its name, for the parameter `model`")]
    object: Annotated[Literal["model"], Meta(description="What this is")] = "model"
    created: Annotated[int, Meta(description="Always 0: nobody says when a model was made")] = 0
    owned_by: Annotated[str, Meta(description="Always `echobase`")] = "echobase"


class ModelList(Struct, frozen=True, kw_only=True):
    """The models of the site."""

    object: Annotated[Literal["list"], Meta(description="What this is")] = "list"
    data: Annotated[list[ModelView], Meta(description="The site's own, then the others")]


class Offer:
    """What the transcribers have, as they last said: one that is not needed now is not there."""

    def __init__(self, upstream: Upstream) -> None:
        """Nothing is known yet."""
        self._upstream = upstream
        self._lock = asyncio.Lock()
        self._asked = float("-inf")
        self._names: tuple[str, ...] = ()

    async def names(self) -> tuple[str, ...]:
        """The models' names; none if no transcriber has been heard yet.

        Raises BusUnavailable if none has been heard and the bus is away.
        """
        async with self._lock:
            if time.monotonic() - self._asked > _FRESH:
                try:
                    async with asyncio.timeout(_PATIENCE):
                        bus = await self._upstream.bus()
                        found = _named(await bus.discover("transcriber"))
                except (BusUnavailable, TimeoutError) as error:
                    if not self._names:
                        raise BusUnavailable("NATS is away: nobody knows the models.") from error
                else:
                    self._names = found or self._names
                self._asked = time.monotonic()
        return self._names

    async def check(self, name: str) -> None:
        """Raises UnknownModel for a model that no transcriber has, as far as that can be told."""
        try:
            names = await self.names()
        except BusUnavailable:
            return
        if names and name not in names:
            raise unknown(name, names)


def unknown(name: str, names: Sequence[str]) -> UnknownModel:
    """The error for a model that is not there; `names` are there."""
    allowed = ", ".join((DEFAULT_MODEL, *names))
    return UnknownModel(
        f"There is no model {name[:80]!r} here; there are {allowed}.", field="model", limit=allowed
    )


def _named(workers: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    own = [worker.get(_MODEL, "") for worker in workers]
    others = [name for worker in workers for name in worker.get(_MODELS, "").split(",")]
    return tuple(dict.fromkeys(name for name in (*sorted(own), *sorted(others)) if name))


_DEMO: Mapping[str, str | int] = {
    "id": "medium.en",
    "object": "model",
    "created": 0,
    "owned_by": "echobase",
}


@get(
    "/v1/models",
    summary="The models, as of OpenAI",
    tags=["openai"],
    opt=require("read"),
    exception_handlers=IN_OPENAIS_SHAPE,
    responses={
        200: ResponseSpec(
            ModelList,
            generate_examples=False,
            description="The models",
            examples=[
                Example(
                    summary="Two names of one model",
                    value={"object": "list", "data": [{**_DEMO, "id": DEFAULT_MODEL}, _DEMO]},
                )
            ],
        ),
        **described(401, 403, 429, 503),
    },
)
async def list_models(offer: NamedDependency[Offer]) -> ModelList:
    """List the models that the site's transcribers have.

    `whisper-1` is the one that they have loaded, whichever it is.
    """
    names = (DEFAULT_MODEL, *await offer.names())
    return ModelList(data=[ModelView(id=name) for name in names])


@get(
    "/v1/models/{name:path}",
    summary="A model, as of OpenAI",
    tags=["openai"],
    opt=require("read"),
    exception_handlers=IN_OPENAIS_SHAPE,
    responses={
        200: ResponseSpec(
            ModelView,
            generate_examples=False,
            description="The model",
            examples=[Example(summary="A model", value=_DEMO)],
        ),
        **described(401, 403, 404, 429, 503),
    },
)
async def get_model(
    name: Annotated[str, PathParameter(description="The model's name")],
    offer: NamedDependency[Offer],
) -> ModelView:
    """Say whether the site has a model."""
    wanted = name.removeprefix("/")
    if wanted != DEFAULT_MODEL and wanted not in (names := await offer.names()):
        raise unknown(wanted, names)
    return ModelView(id=wanted)
