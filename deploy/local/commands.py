"""`echobase up` and `echobase demo`: the local stack, served by hand or shown at work."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from deploy.local.dev import show
from deploy.local.folder import claimed
from deploy.local.layout import Layout, layout
from deploy.local.supervisor import PartFailed, Supervisor
from shared import settings
from shared.settings import SiteSettings
from shared.stack import Addresses
from shared.terminal import console as make_console

BANNER = (
    "The small bundled model is at work: it knows a small radio vocabulary only.\n"
    "WHISPER_MODEL_NAME=medium.en, or a model's folder, takes a real one."
)

Flow = Callable[[Supervisor, Layout], Coroutine[None, None, None]]


@click.command()
@click.option("--reload", is_flag=True, help="Restart a service when its code is saved.")
def up(reload: bool) -> None:
    """Run the local stack until Ctrl-C, on the configured ports."""
    console = make_console()

    async def serve(supervisor: Supervisor, stack: Layout) -> None:
        logs = [part.process.log for part in stack.parts if not part.is_server]
        async with asyncio.TaskGroup() as tasks:
            if reload:
                tasks.create_task(show(logs, lambda text: console.print(escape(text))))
            await supervisor.ready()
            _print_addresses(console, stack)
            await asyncio.Event().wait()

    _run(serve, console, move=False, reload=reload)


@click.command()
@click.option(
    "--audio",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="AUDIO",
    help="A recording of your own, instead of the bundled ones.",
)
@click.option("--serve/--no-serve", default=None, help="Whether to go on until Ctrl-C afterwards.")
def demo(audio: Path | None, serve: bool | None) -> None:
    """Run the local stack and show it transcribing; free ports are taken where need be.

    On a terminal it goes on serving until Ctrl-C.
    """
    console = make_console()
    started = time.monotonic()
    stay = serve if serve is not None else sys.stdin.isatty() and sys.stdout.isatty()

    async def present(supervisor: Supervisor, stack: Layout) -> None:
        # Only now, while the parts start: the HTTP client takes a while to import.
        from deploy.local import demo as demonstration
        from shared.client import Client

        await supervisor.ready("ingest", "stream")
        key = settings.load(SiteSettings, settings.environment()).api_key
        where = Addresses(stream=stack.address("stream"), ingest=stack.address("ingest"), key=key)
        async with Client(where) as client:
            await demonstration.show(client, demonstration.calls(audio), console, started)
        _print_addresses(console, stack)
        if stay:
            await asyncio.Event().wait()

    _run(present, console, move=True, model="demo")


def _run(
    flow: Flow, console: Console, *, move: bool, model: str = "", reload: bool = False
) -> None:
    env = settings.environment()
    data = settings.load(SiteSettings, env).data.absolute()
    with claimed(data):
        stack = layout(env, move=move, model=model, reload=reload)
        if stack.model == "demo":
            console.print(f"[yellow]{escape(BANNER)}[/yellow]")
        console.print(f"Starting the stack in {escape(str(data))}, with the model {stack.model}.")
        try:
            asyncio.run(_live(flow, stack, console))
        except PartFailed as failure:
            for line in failure.log:
                console.print(escape(line))
            raise


async def _live(flow: Flow, stack: Layout, console: Console) -> None:
    """Run the stack for as long as the flow lasts, or until a signal."""
    stopping = asyncio.Event()
    supervisor = Supervisor(stack, lambda text: console.print(f"[dim]{escape(text)}[/dim]"))
    _on_signals(stopping, supervisor, console)
    running = asyncio.create_task(supervisor.run(stopping))
    flowing = asyncio.create_task(flow(supervisor, stack))
    order = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, flowing, order}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    order.cancel()
    if not flowing.done():
        flowing.cancel()
    await asyncio.wait({running, flowing})
    running.result()
    if not flowing.cancelled():
        flowing.result()


def _on_signals(stopping: asyncio.Event, supervisor: Supervisor, console: Console) -> None:
    def stop() -> None:
        if stopping.is_set():
            supervisor.hurry()
            return
        console.print("Stopping; once more to stop at once.")
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _print_addresses(console: Console, stack: Layout) -> None:
    console.print(f"\nPage:    [bold]{stack.stream}/[/bold]")
    console.print(f"Uploads: {stack.ingest}/v1/recordings")
    console.print(f"API:     {stack.stream}/docs and {stack.ingest}/ingest/docs")
