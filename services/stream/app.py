"""Stream's HTTP application: its routes, and what their handlers are given."""

from dataclasses import dataclass

from litestar import Litestar, asgi
from litestar.di import Provide
from litestar.types import Receive, Scope, Send

from services.stream.audio import audio
from services.stream.catalogue import Catalogue
from services.stream.channels import channels
from services.stream.corrections import Corrector, correct_transcript
from services.stream.events import events, subject_events
from services.stream.events_page.routes import asyncapi_yaml, events_page
from services.stream.history.keeper import History
from services.stream.hub import Hub
from services.stream.listing import recordings
from services.stream.pages import Page, index, page_file
from services.stream.recordings import (
    Links,
    recording,
    transcript_json,
    transcript_srt,
    transcript_tsv,
    transcript_txt,
    transcript_vtt,
    versions,
)
from services.stream.session import sign_in, sign_out
from services.stream.status import Bulletin, status
from services.stream.stream_tokens import stream_token
from services.stream.word_errors import word_errors
from shared.access import Access
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
What is transcribed, live and afterwards. Recordings are sent to ingest, whose API is described at
[its own `/ingest/docs`]({ingest}/ingest/docs). What is said on NATS, for services that speak it, is
described at [`/docs/events`]({stream}/docs/events).
"""


@dataclass(frozen=True)
class Parts:
    """What the application stands on."""

    site: SiteSettings
    links: Links
    hub: Hub
    subjects: tuple[str, ...]
    """Patterns of the subjects that may be followed by name."""
    catalogue: Catalogue
    history: History
    book: ChannelBook
    corrector: Corrector
    bulletin: Bulletin
    health: Health
    access: Access


def create_app(parts: Parts, page: type[Page] = Page) -> Litestar:
    """The application, under the site's base path."""

    opt = {PUBLIC: True, UNTRACED: True, ANY_HOST: True}

    @asgi("/health", is_mount=True, opt=opt, copy_scope=True)
    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        await parts.health(scope, receive, send)

    access, urls = parts.access, [parts.links.stream, parts.links.ingest]
    given = {
        "site": parts.site,
        "links": parts.links,
        "hub": parts.hub,
        "allowed_subjects": parts.subjects,
        "catalogue": parts.catalogue,
        "history": parts.history,
        "book": parts.book,
        "corrector": parts.corrector,
        "bulletin": parts.bulletin,
        "access": parts.access,
        "page": page(origins([parts.links.ingest])),
    }
    return Litestar(
        path=parts.site.base_path or "/",
        route_handlers=[
            index,
            page_file,
            events,
            subject_events,
            recordings,
            channels,
            recording,
            versions,
            correct_transcript,
            word_errors,
            transcript_json,
            transcript_txt,
            transcript_srt,
            transcript_vtt,
            transcript_tsv,
            audio,
            status,
            sign_in,
            sign_out,
            stream_token,
            health,
            events_page,
            asyncapi_yaml,
            openapi_json(),
        ],
        dependencies={
            "credential": give_credential(),
            **{name: _constant(value) for name, value in given.items()},
        },
        guards=[Gate(access.ring, access.limiter, origins(urls)).guard],
        middleware=[
            SameSite(parts.site, urls, access.settings.host_names()),
            RateHeaders(access.limiter),
            Traced(),
        ],
        plugins=[ScopesDocumented()],
        request_max_body_size=MOST_BODY,
        exception_handlers=exception_handlers(),
        openapi_config=openapi_config("EchoBase stream", _description(parts.links)),
        logging_config=None,
    )


def _description(links: Links) -> str:
    return _DESCRIPTION.format(stream=links.stream, ingest=links.ingest)


def _constant(value: object) -> Provide:
    def give() -> object:
        return value

    return Provide(give, sync_to_thread=False)
