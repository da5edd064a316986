"""`echobase doctor`: looks at every part, and says what to do about what is wrong."""

import asyncio
import time

import click
from rich.table import Table

from deploy.local.checks import Finding, examine
from shared import settings
from shared.terminal import console as make_console

_MARKS = {"ok": "[green]ok[/green]", "note": "[yellow]note[/yellow]", "wrong": "[red]wrong[/red]"}


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check every part; exits with 1 if something is wrong."""
    began = time.monotonic()
    findings = asyncio.run(examine(settings.environment()))
    _print(findings)
    wrong = sum(finding.state == "wrong" for finding in findings)
    click.echo(f"{wrong} wrong, {len(findings)} looked at in {time.monotonic() - began:.1f} s")
    if wrong:
        ctx.exit(1)


def _print(findings: list[Finding]) -> None:
    console = make_console()
    if not console.is_terminal:
        for finding in findings:
            advice = f" -> {finding.advice}" if finding.advice else ""
            click.echo(f"{finding.state}: {finding.part}: {finding.detail}{advice}")
        return
    table = Table("", "part", "what was found", "what to do")
    for finding in findings:
        table.add_row(_MARKS[finding.state], finding.part, finding.detail, finding.advice)
    console.print(table, soft_wrap=False)
