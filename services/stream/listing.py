"""`GET /v1/recordings`: the recordings of the history, page by page."""

from dataclasses import replace
from typing import Annotated

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from services.stream.examples import PAGE
from services.stream.found import STATUSES, RecordingPage
from services.stream.history.keeper import History
from services.stream.history.query import MOST, parse
from shared.http.auth import require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.http.query import pairs
from shared.keys import Credential

_DESCRIPTION = f"""\
The newest first: by when they began or, where that is not known, were received. Filters combine,
and a repeated `source`, `channel` or `status` offers alternatives.

`q` searches what was said: every word is to be found; `"words in quotes"` stand together;
`fire OR smoke` is either; `-drill` is not; `evac*` begins so, from three letters on. Nothing else
has a meaning of its own. Searched is the version that is shown, once it is completed.

`next` goes on after a page, however much comes meanwhile: that is newer, and on none of the later
pages. `last_event_id` is where live events go on: with it, `GET /v1/events` gives exactly what the
first page does not hold yet.

A recording needs review (`needs_review`) if a model transcribed it with a confidence below
`ECHOBASE_REVIEW_BELOW`, until somebody corrects it; a correction without a change counts. Its
confidence is the mean of its segments' confidences, weighted by their durations.

While the history is being made for the first time, this is 503. Most on a page: {MOST}.
"""


@get(
    "/v1/recordings",
    summary="Recordings",
    description=_DESCRIPTION,
    tags=["recordings"],
    opt=require("read"),
    responses={200: shown(PAGE, "A page of them"), **problems(400, 401, 503)},
)
async def recordings(
    request: Request[object, object, State],
    history: NamedDependency[History],
    credential: NamedDependency[Credential],
    q: Annotated[str | None, QueryParameter(description="What was said")] = None,
    source: Annotated[
        list[str] | None,
        QueryParameter(description="Who recorded it; `*` stands for any run of characters"),
    ] = None,
    channel: Annotated[
        list[str] | None, QueryParameter(description="Stream of the source; `*` likewise")
    ] = None,
    since: Annotated[
        str | None,
        QueryParameter(description="Begun (or, where that is not known, received) at or after"),
    ] = None,
    until: Annotated[str | None, QueryParameter(description="Begun or received before")] = None,
    status: Annotated[
        list[str] | None, QueryParameter(description=f"Any of {', '.join(STATUSES)}")
    ] = None,
    min_confidence: Annotated[
        str | None, QueryParameter(description="0 to 1; what has no words has no confidence")
    ] = None,
    max_confidence: Annotated[str | None, QueryParameter(description="0 to 1")] = None,
    needs_review: Annotated[
        str | None, QueryParameter(description="`true`: only what needs it; `false`: the rest")
    ] = None,
    corrected: Annotated[
        str | None, QueryParameter(description="`true`: only what was corrected by hand")
    ] = None,
    limit: Annotated[
        str | None, QueryParameter(description=f"Most on a page: 1 to {MOST}; 100 if absent")
    ] = None,
    cursor: Annotated[
        str | None, QueryParameter(description="`next` of the page before; the rest as there")
    ] = None,
) -> RecordingPage:
    """List and search recordings."""
    # They are there for the documentation: the query is read as a whole, to refuse what is unknown.
    del q, source, channel, since, until, status, min_confidence, max_confidence
    del needs_review, corrected, limit, cursor
    wanted = parse(pairs(request.scope["query_string"]))
    return await history.page(replace(wanted, limits=credential.limits))
