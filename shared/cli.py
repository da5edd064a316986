"""The command `echobase`: each subcommand is found by its entry point, and loaded when used."""

import re
import sys
from importlib.metadata import EntryPoint, entry_points, requires, version
from typing import cast

import click

from shared.errors import EchoBaseError, SettingError

GROUP = "echobase.commands"
_INTERRUPTED = 128 + 2
"""What a shell makes of a program that SIGINT ended."""


class _Commands(click.Group):
    """The commands that the installed package declares."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted({*super().list_commands(ctx), *entry_points(group=GROUP).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, loaded; if it cannot be, a command that says what to install."""
        for entry in entry_points(group=GROUP, name=cmd_name):
            return load(entry)
        return super().get_command(ctx, cmd_name)


def load(entry: EntryPoint) -> click.Command:
    """The command of an entry point; if a package is missing, one that says what to install."""
    try:
        return cast(click.Command, entry.load())
    except ModuleNotFoundError as error:
        return missing(entry.name, error.name or str(error))


def extra_with(module: str, requirements: list[str]) -> str:
    """The first extra whose requirements name a module; `local`, which has all, if none does."""
    wanted = module.replace("_", "-").lower()
    for requirement in requirements:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", requirement)
        if name and extra and name[0].replace("_", "-").lower() == wanted:
            return extra[1]
    return "local"


def missing(name: str, module: str) -> click.Command:
    """A command in the place of one whose module is missing: it says what to install."""
    top = module.partition(".")[0]
    extra = extra_with(top, requires("echobase") or [])
    line = (
        f"is not part of this installation: there is no module {module}"
        if top in ("deploy", "services", "shared")
        else f"needs {top}: pip install 'echobase[{extra}]'"
    )

    def refuse() -> None:
        raise click.ClickException(f"`echobase {name}` {line}")

    return click.Command(
        name,
        callback=refuse,
        short_help=f"({line})",
        # Whatever it was called with, what is missing comes first.
        params=[click.Argument(["rest"], nargs=-1, expose_value=False)],
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )


@click.group(cls=_Commands)
@click.version_option(version("echobase"), prog_name="echobase")
def echobase() -> None:
    """Radio calls and recordings in, words out."""


def main() -> None:
    """Run the command line; an error of ours is one line on stderr (exit 2 if it is a setting).

    Ctrl-C ends it quietly, with the exit status 130 by which shells know it.
    """
    try:
        code = cast(object, echobase.main(prog_name="echobase", standalone_mode=False))
        sys.exit(code if isinstance(code, int) else 0)
    except EchoBaseError as error:
        click.echo(f"echobase: {' '.join(str(error).split())}", err=True)
        sys.exit(2 if isinstance(error, SettingError) else 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            sys.exit(_INTERRUPTED)
        click.echo("Aborted!", err=True)
        sys.exit(1)
