"""`GET /v1/channels`: named at once by what is said of a channel, and while NATS is away too."""

from pathlib import Path

import msgspec
import pytest

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.calls import Call
from tests.support.channels import FIRE, say
from tests.support.servers import NatsFixture
from tests.support.stream import Running, running, until, until_known, until_ready

pytestmark = pytest.mark.servers


async def label(stream: Running) -> str | None:
    """What the one channel is called; None if nothing, or if the history is not there yet."""
    answer = await stream.http.get("/v1/channels")
    return answer.json()[0]["label"] if answer.status_code == 200 and answer.json() else None


async def test_what_is_said_names_a_channel_now_and_without_nats(
    nats: NatsFixture, store: S3Store, bus: Bus, env: dict[str, str], tmp_path: Path
) -> None:
    own = {**env, "ECHOBASE_DATA": str(tmp_path)}
    call = Call(bus, FIRE.source, FIRE.channel)
    async with running(own) as stream:
        await until_ready(stream)
        await call.store_recording(store)
        await call.store_request(store)
        await call.queued()
        await until_known(stream, call.recording)
        assert await label(stream) is None
        for name in ("FD West", "FD East"):
            await say(bus, msgspec.structs.replace(FIRE, label=name))

            async def named(wanted: str = name) -> bool:
                return await label(stream) == wanted

            await until(named)
    nats.kill()
    async with running(own) as stream:

        async def still_named() -> bool:
            return await label(stream) == "FD East"

        await until(still_named)
