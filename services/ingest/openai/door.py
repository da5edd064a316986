"""`POST /v1/audio/transcriptions` and `POST /v1/audio/translations`, as OpenAI's API has them."""

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream

from services.ingest.openai.answers import Text, VerboseText
from services.ingest.openai.desk import SpeechDesk
from services.ingest.openai.door_docs import SpeechOperation
from services.ingest.openai.errors import IN_OPENAIS_SHAPE, described
from shared.http.auth import require
from shared.keys import Credential

_DESCRIBED = {
    200: ResponseSpec(
        Text | VerboseText,  # pyright: ignore[reportArgumentType] - a union is described as one
        generate_examples=False,
        description="The words, in the form that was asked for",
    ),
    **described(400, 401, 403, 404, 408, 410, 413, 429, 500, 503),
}


@post(
    "/v1/audio/transcriptions",
    status_code=200,
    summary="Transcribe, as of OpenAI",
    tags=["openai"],
    opt=require("ingest", "read"),
    operation_class=SpeechOperation,
    # The spool's own limits hold while the body is streamed.
    request_max_body_size=None,
    exception_handlers=IN_OPENAIS_SHAPE,
    responses=_DESCRIBED,
)
async def transcribe_speech(
    request: Request[object, object, State],
    speech: NamedDependency[SpeechDesk],
    credential: NamedDependency[Credential],
) -> Response[bytes] | Stream:
    """Take a recording in, and answer with its words.

    With `stream` they come as events, each segment's as soon as it is known. Sent again, it is the
    same recording and the same version, whose words are there already, or are waited for.
    """
    return await speech.serve(request, "transcribe", credential)


@post(
    "/v1/audio/translations",
    status_code=200,
    summary="Translate into English, as of OpenAI",
    tags=["openai"],
    opt=require("ingest", "read"),
    operation_class=SpeechOperation,
    request_max_body_size=None,
    exception_handlers=IN_OPENAIS_SHAPE,
    responses=_DESCRIBED,
)
async def translate_speech(
    request: Request[object, object, State],
    speech: NamedDependency[SpeechDesk],
    credential: NamedDependency[Credential],
) -> Response[bytes] | Stream:
    """Take a recording in, and answer with what it says in English.

    The parameters are those of a transcription.
    """
    return await speech.serve(request, "translate", credential)
