"""`python -m deploy.box.prepare`: says how each part of the box is run; echobase.service's program.

The layout is that of the local stack. It checks the settings and that the ports are free, makes the
servers' credentials once, and writes for each part a recipe into systemd's runtime folder, which
`deploy.box.part` follows.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from deploy.box import config
from deploy.box.recipe import Recipe
from deploy.local.folder import write_private
from deploy.local.layout import Layout, Part, layout
from deploy.local.servers import S3Server
from shared import settings
from shared.errors import EchoBaseError, SettingError
from shared.settings import SiteSettings
from shared.stack import Stack, write_stack

_INIT = 1
"""Process id of what runs the parts."""


def main() -> int:
    """Returns the exit code."""
    _stay_in_the_release()
    try:
        prepare(os.environ, Path(os.environ["RUNTIME_DIRECTORY"]))
    except EchoBaseError as error:
        sys.stderr.write(f"echobase: {error}\n")
        return 2 if isinstance(error, SettingError) else 1
    return 0


def prepare(env: Mapping[str, str], folder: Path) -> None:
    """Write the recipes into a folder. Raises SettingError or BoxError."""
    data, home = settings.load(SiteSettings, env).data, env["STATE_DIRECTORY"]
    if str(data) != home:
        raise SettingError(f"ECHOBASE_DATA={str(data)!r} is not allowed on a box: it is {home}")
    config.check(env)
    stack = layout(env, move=False)
    for old in folder.glob("*.json"):
        old.unlink()
    for part in stack.parts:
        write_private(folder / f"{part.name}.json", msgspec.json.encode(recipe(part, env)))
    write_stack(stack.data, description(stack))


def recipe(part: Part, env: Mapping[str, str]) -> Recipe:
    """How a part is run by a process that has an environment already."""
    process = part.process
    server = part.recipe if isinstance(part.recipe, S3Server) else None
    return Recipe(
        command=process.command,
        env={name: value for name, value in process.env.items() if env.get(name) != value},
        folder=str(process.cwd) if process.cwd else None,
        port=server.port if server else 0,
        inner_ports=server.inner_ports if server else (),
    )


def description(stack: Layout) -> Stack:
    """What commands such as `echobase doctor` read."""
    return Stack(
        supervisor=_INIT,
        stream=stack.stream,
        ingest=stack.ingest,
        health=stack.health,
        pids={},
        nats=stack.nats,
        store=stack.store,
    )


def _stay_in_the_release() -> None:
    """Go on by the release's own path: `current` may point elsewhere tomorrow."""
    folder = Path(sys.executable).parent
    if folder.resolve() != folder:
        python = str(folder.resolve() / "python")
        os.execv(python, [python, "-P", "-m", "deploy.box.prepare"])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
