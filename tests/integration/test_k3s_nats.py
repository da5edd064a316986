"""The NATS configuration of k3s on real servers: one, and a cluster of three."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from shared.bus import Message
from shared.errors import BusUnavailable
from shared.rights import USER_NAMES
from shared.subjects import LANES, job
from shared.topology import JOBS, lane_consumer, topology
from tests.support.k3s import rendered
from tests.support.k3s_nats import PodServer, passwords
from tests.support.nats_buses import opened, until

pytestmark = pytest.mark.servers


@asynccontextmanager
async def servers(overlay: str, folder: Path, count: int) -> AsyncGenerator[list[PodServer]]:
    documents, known, ports = rendered(overlay), passwords(), free_ports(count)
    found = [PodServer(documents, folder / str(n), n, known, list(ports)) for n in range(count)]
    try:
        for each in found:
            each.start()
        for each in found:
            await asyncio.to_thread(each.wait)
        yield found
    finally:
        for each in found:
            each.process.kill()


async def test_every_user_logs_in_on_one_node(tmp_path: Path) -> None:
    async with servers("edge-cpu", tmp_path, 1) as [server]:
        async with opened(server.settings("ingest")) as bus:
            await bus.ensure(topology())
            await bus.publish(Message(job("live"), b"{}"))
        for name in USER_NAMES:
            async with opened(server.settings(name)) as bus:
                assert await bus.ready()
        waiting = await asyncio.to_thread(lag, server.monitor)
        assert waiting == {lane_consumer(lane).name: int(lane == "live") for lane in LANES}


async def test_three_servers_are_a_cluster_that_survives_one(tmp_path: Path) -> None:
    async with servers("cluster", tmp_path, 3) as found:
        async with opened(found[0].settings("ingest")) as bus:
            await until(bus.ready)
            await bus.ensure(topology(replicas=3))
            await bus.publish(Message(job("live"), b"{}"))
        found[0].process.kill()
        async with opened(found[1].settings("stream")) as bus:

            async def still_there() -> bool:
                # Until the two that are left have agreed on a leader nobody answers.
                with suppress(BusUnavailable):
                    return await bus.pending(lane_consumer("live")) == 1
                return False

            await until(still_there)


def lag(port: int) -> dict[str, int]:
    """What KEDA makes of a server's answer for the account: jobs that wait or are in hand."""
    url = f"http://127.0.0.1:{port}/jsz?acc=$G&consumers=true&config=true"
    with urllib.request.urlopen(url, timeout=5) as answer:
        [account] = json.load(answer)["account_details"]
    [jobs] = [each for each in account["stream_detail"] if each["name"] == JOBS.name]
    return {
        each["name"]: each["num_pending"] + each["num_ack_pending"]
        for each in jobs["consumer_detail"]
    }
