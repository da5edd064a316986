"""Whether a caller's key reaches a recording that is named by its id alone."""

from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from shared import object_keys
from shared.erasure import read
from shared.http.problem import ProblemError
from shared.keys import Credential, allowed
from shared.messages import Recording


async def check_reach(
    credential: Credential, recording: str, upstream: Upstream, spool: Spool
) -> None:
    """Raises ProblemError (404), as for what is not there, if the key does not reach it.

    Only for a key with limits does the store have to say whose recording it is, where the spool
    does not know. Raises StoreUnavailable then.
    """
    if not credential.limits:
        return
    found = next((held.entry.recording for held in spool.find(recording)), None)
    if found is None:
        found = await read(await upstream.store(), object_keys.record(recording), Recording)
    if found is None or not allowed(credential, found.source, found.channel):
        raise ProblemError(
            404, f"Nothing is known of a recording {recording!r}.", code="unknown-recording"
        )
