"""The console on which commands print."""

from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """A console that neither colours numbers nor breaks lines where there is no terminal."""
    return Console(highlight=False, soft_wrap=True, stderr=stderr)
