"""Ingest's HTTP application: its routes, and what their handlers are given."""

from dataclasses import dataclass

from litestar import Litestar, asgi
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import Receive, Scope, Send

from services.ingest.channels.desk import ChannelDesk
from services.ingest.channels.routes import delete_channel, get_channel, put_channel
from services.ingest.deletion import (
    delete_recording,
    get_hold,
    hold_recording,
    release_recording,
)
from services.ingest.eraser import Eraser
from services.ingest.forwarder import Forwarder
from services.ingest.leftover import ReadLeftover
from services.ingest.measures import Measures
from services.ingest.openai.desk import SpeechDesk
from services.ingest.openai.door import transcribe_speech, translate_speech
from services.ingest.openai.errors import on_its_paths
from services.ingest.openai.models import Offer, get_model, list_models
from services.ingest.radio.call_desk import CallDesk
from services.ingest.radio.openmhz_door import authorize_openmhz, upload_openmhz_call
from services.ingest.radio.rdio_door import upload_call
from services.ingest.radio.replies import by_method
from services.ingest.radio.trunk_recorder_door import upload_trunk_recorder_call
from services.ingest.reception import Reception
from services.ingest.recordings import Links, send_recording
from services.ingest.refusals import drop_refused, refused_entries, retry_refused
from services.ingest.spool_view import spool_entry, spool_summary
from services.ingest.upstream import Upstream
from services.ingest.version_order import OrderDesk, order_version
from services.ingest.waiting import Waiting
from shared.access import Access
from shared.asgi import AsgiApp
from shared.channel_book import ChannelBook
from shared.health import Health
from shared.http.auth import PUBLIC, Gate, give_credential
from shared.http.docs import openapi_config, openapi_json
from shared.http.problem import MOST_BODY, exception_handlers
from shared.http.ratelimit import RateHeaders
from shared.http.same_site import ANY_HOST, SameSite, origins
from shared.http.scopes import ScopesDocumented
from shared.http.tracing import UNTRACED, Traced
from shared.settings import SiteSettings

_DESCRIPTION = """\
Takes recordings in. What becomes of them is told by stream, whose API is described at
[its own `/docs`]({stream}/docs). Services that speak NATS submit there too:
[`/docs/events`]({stream}/docs/events).
"""
_PREFIX = "/ingest"
"""Of the documentation: on one host with stream, `/docs` is stream's."""


@dataclass(frozen=True)
class Parts:
    """What the application stands on."""

    site: SiteSettings
    links: Links
    public_url: str
    """Where ingest is reached."""
    reception: Reception
    forwarder: Forwarder
    upstream: Upstream
    eraser: Eraser
    measures: Measures
    waiting: Waiting
    book: ChannelBook
    health: Health
    access: Access


def create_app(parts: Parts) -> AsgiApp:
    """The application, under the site's base path."""

    opt = {PUBLIC: True, UNTRACED: True, ANY_HOST: True}

    @asgi("/health", is_mount=True, opt=opt, copy_scope=True)
    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        await parts.health(scope, receive, send)

    access, urls = parts.access, [parts.links.stream, parts.public_url]
    gate = Gate(access.ring, access.limiter, origins(urls))
    errors = exception_handlers()
    offer = Offer(parts.upstream)
    given = {
        "calls": CallDesk(parts.reception, parts.forwarder, parts.measures, gate),
        "links": parts.links,
        "waiting": parts.waiting,
        "offer": offer,
        "speech": SpeechDesk(
            parts.reception,
            parts.forwarder,
            parts.measures,
            parts.waiting,
            offer,
            parts.links,
        ),
        "reception": parts.reception,
        "forwarder": parts.forwarder,
        "measures": parts.measures,
        "spool": parts.reception.spool,
        "eraser": parts.eraser,
        "upstream": parts.upstream,
        "channels": ChannelDesk(parts.upstream.bus, parts.book.until_kept),
        "access": access,
        "orders": OrderDesk(parts.upstream, parts.reception.spool, parts.reception.channels),
    }
    return ReadLeftover(
        Litestar(
            path=parts.site.base_path or "/",
            route_handlers=[
                send_recording,
                upload_call,
                upload_trunk_recorder_call,
                upload_openmhz_call,
                authorize_openmhz,
                transcribe_speech,
                translate_speech,
                list_models,
                get_model,
                order_version,
                put_channel,
                get_channel,
                delete_channel,
                delete_recording,
                hold_recording,
                get_hold,
                release_recording,
                spool_summary,
                spool_entry,
                refused_entries,
                retry_refused,
                drop_refused,
                health,
                openapi_json(_PREFIX),
            ],
            dependencies={
                "credential": give_credential(),
                **{name: _constant(value) for name, value in given.items()},
            },
            guards=[gate.guard],
            middleware=[
                SameSite(parts.site, urls, access.settings.host_names()),
                RateHeaders(access.limiter),
                Traced(),
            ],
            plugins=[ScopesDocumented()],
            # Stream's page sends what is dropped on it to us, with its session's cookie.
            cors_config=CORSConfig(
                allow_origins=origins([parts.links.stream]),
                allow_methods=["GET", "POST"],
                allow_credentials=True,
                expose_headers=["Location", "Retry-After", "RateLimit", "RateLimit-Policy"],
            ),
            request_max_body_size=MOST_BODY,
            exception_handlers={
                **errors,
                MethodNotAllowedException: by_method(on_its_paths(errors[HTTPException])),
            },
            openapi_config=openapi_config(
                "EchoBase ingest", _DESCRIPTION.format(stream=parts.links.stream), _PREFIX
            ),
            logging_config=None,
        )
    )


def _constant(value: object) -> Provide:
    def give() -> object:
        return value

    return Provide(give, sync_to_thread=False)
