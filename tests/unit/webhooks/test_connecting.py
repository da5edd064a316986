"""A post goes to the address that was checked, and a slow name holds up nobody."""

import asyncio
import threading

import pytest

from services.stream.webhooks import resolver
from services.stream.webhooks.address import allowed
from services.stream.webhooks.posting import Poster
from services.stream.webhooks.resolver import Resolver
from shared import settings
from shared.settings_webhooks import WebhookSettings
from tests.support.hooks import Hook, hooks, receiver


def poster(resolve: resolver.Resolve, allow: str = "", timeout: float = 5.0) -> Poster:
    given = settings.load(WebhookSettings, {"ECHOBASE_WEBHOOK_ALLOW": allow})
    return Poster(allowed(given), timeout, resolve)


class Names:
    """A resolver that answers what it is told, and then something else."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        del host, port
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def test_a_name_that_leads_inside_is_refused_at_the_post() -> None:
    """It was public when it was added."""
    hook = Hook()
    async with hooks(hook):
        url = f"https://rebound.example:{hook.port}/"
        answer = await poster(Names(["127.0.0.1"])).post(receiver(url), "id", b"{}")
        assert answer.problem == "rebound.example is private, and not in ECHOBASE_WEBHOOK_ALLOW"
    assert hook.posts == []


async def test_the_name_is_asked_once_and_the_answer_that_was_checked_is_used() -> None:
    """A second answer, such as an attacker's name server gives it, is never asked for."""
    hook = Hook()
    async with hooks(hook):
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        url = f"http://rebound.example:{hook.port}/"
        answer = await poster(names, allow="127.0.0.1").post(receiver(url), "id", b"{}")
        assert answer.status == 204
        assert names.asked == 1
        assert hook.posts[0].headers["host"] == f"rebound.example:{hook.port}"
        # The next post asks anew, and is checked anew.
        answer = await poster(names, allow="127.0.0.1").post(receiver(url), "id", b"{}")
        assert "private" in answer.problem
    assert len(hook.posts) == 1


async def test_an_address_without_an_answer_gives_way_to_the_next() -> None:
    hook = Hook()
    async with hooks(hook):
        names = Names(["127.0.0.9", "127.0.0.1"])
        url = f"http://two.example:{hook.port}/"
        answer = await poster(names, allow="127.0.0.0/8").post(receiver(url), "id", b"{}")
    assert answer.status == 204


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    hook, proxy = Hook(), Hook()
    async with hooks(hook, proxy):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = await poster(Names(["127.0.0.1"]), "127.0.0.1").post(
            receiver(f"http://there.example:{hook.port}/"), "id", b"{}"
        )
    assert (answer.status, len(hook.posts), proxy.posts) == (204, 1, [])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "its answer is no HTTP"),
        (b"hello\r\n\r\n", "its answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000, "its answer is no HTTP"),
    ],
)
async def test_an_answer_that_is_none_is_a_failure(answer: bytes, problem: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    found = await poster(Resolver(), "127.0.0.1").post(receiver(url), "id", b"")
    server.close()
    assert found.problem == problem


async def test_an_endless_answer_is_read_in_part() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nretry-after: 7\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            try:
                await writer.drain()
            except OSError:
                break

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with asyncio.timeout(30):
        found = await poster(Resolver(), "127.0.0.1", 20).post(receiver(url), "id", b"")
    server.close()
    assert (found.status, found.retry_after) == (200, 7.0)


async def test_a_receiver_that_says_nothing_is_given_up() -> None:
    hook = Hook(pause=60)
    async with hooks(hook):
        found = await poster(Resolver(), "127.0.0.1", 0.2).post(receiver(hook.url), "id", b"")
    assert found.problem == "no answer within 0.2 s"


async def test_slow_names_hold_up_nobody_and_have_one_thread_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    going, asked = threading.Event(), list[str]()

    def addresses(host: str, port: int) -> list[str]:
        asked.append(host)
        if host.startswith("slow"):
            going.wait(30)
            raise OSError("no such name")
        return ["192.0.2.1"]

    monkeypatch.setattr(resolver, "_addresses", addresses)
    names = Resolver()
    slow = [asyncio.create_task(names(f"slow{n % 40}", 1)) for n in range(80)]
    async with asyncio.timeout(30):
        assert await names("quick", 1) == ["192.0.2.1"]
    assert not any(task.done() for task in slow)
    slow[0].cancel()
    going.set()
    ended = await asyncio.gather(*slow, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert all(isinstance(each, OSError) for each in ended[1:])
    assert sorted(asked) == sorted(["quick", *(f"slow{n}" for n in range(40))])


async def test_what_is_no_name_is_an_answer_too() -> None:
    for host in ("nowhere.invalid", "x" * 300):
        found = await poster(Resolver()).post(receiver(f"https://{host}/"), "id", b"")
        assert found.problem
        assert found.status == 0
