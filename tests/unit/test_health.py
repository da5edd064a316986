import asyncio

import httpx
import pytest

from shared.health import OK, Health, Result, degraded, failed


async def ask(health: Health, path: str, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(app=health)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(method, path)


def check(result: Result):
    async def found() -> Result:
        return result

    return found


async def test_until_it_is_started_it_lives_but_is_not_ready():
    health = Health({"bus": check(OK)})
    assert (await ask(health, "/health/live")).status_code == 200
    assert (await ask(health, "/health/started")).status_code == 503
    answer = await ask(health, "/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failed",
        "detail": "starting",
        "checks": {"bus": {"status": "ok"}},
    }
    health.mark_started()
    assert (await ask(health, "/health/started")).status_code == 200
    assert (await ask(health, "/health/ready")).status_code == 200


@pytest.mark.parametrize("probe", ["live", "started", "ready"])
async def test_it_says_which_service_answers(probe: str):
    health = Health(service="stream")
    assert (await ask(health, f"/health/{probe}")).json()["service"] == "stream"


@pytest.mark.parametrize(
    ("result", "status"), [(OK, 200), (degraded("store away"), 200), (failed("no disk"), 503)]
)
async def test_the_worst_check_decides(result: Result, status: int):
    health = Health({"one": check(OK), "other": check(result)})
    health.mark_started()
    answer = await ask(health, "/radio/health/ready")
    assert answer.status_code == status
    assert answer.json()["status"] == result.status
    assert answer.json()["checks"]["other"].get("detail", "") == result.detail


async def test_a_check_that_raises_or_hangs_has_failed():
    async def raises() -> Result:
        raise OSError("no route")

    async def hangs() -> Result:
        await asyncio.Event().wait()
        return OK

    health = Health({"raises": raises, "hangs": hangs}, timeout=0.01)
    health.mark_started()
    answer = await ask(health, "/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "raises": {"status": "failed", "detail": "OSError: no route"},
        "hangs": {"status": "failed", "detail": "no answer within 0.01 s"},
    }


async def test_a_process_that_is_stopping_lives_but_is_not_ready():
    stopping = asyncio.Event()
    health = Health(stopping=stopping)
    health.mark_started()
    stopping.set()
    assert (await ask(health, "/health/live")).status_code == 200
    assert (await ask(health, "/health/ready")).json()["detail"] == "stopping"


async def test_other_paths_and_methods_are_refused():
    health = Health()
    missing = await ask(health, "/health/other")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    refused = await ask(health, "/health/live", "POST")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD"
    assert refused.headers["content-type"] == "application/problem+json"
