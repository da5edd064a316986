"""The stack under bad input: what runs, how large it is, what it keeps and what it logged."""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.folder import credentials
from shared.s3_store import S3Store
from shared.settings import NatsSettings
from tests.support.stack import RunningStack

SERVICES = ("ingest", "transcriber", "stream")
_FAULT = re.compile(r"Traceback \(most recent call last\)|\"exception\":")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def soaked(folder: Path) -> Generator["Site"]:
    """A stack of its own, in a folder, until the context ends."""
    temporary = folder / "temporary"
    temporary.mkdir()
    # What is kept for a while, by number or by time, is at its most before the sizes are compared.
    kept = {"ECHOBASE_RING_EVENTS": "200", "ECHOBASE_SPOOL_KEEP": "20"}
    stack = RunningStack(folder, TMPDIR=str(temporary), **kept)
    stack.start()
    try:
        yield Site(stack)
    finally:
        stack.stop()


class Site:
    """One running stack."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.port = stack.ports["INGEST"]
        self.pids = dict(stack.description.pids)
        """As they were at the beginning."""

    @property
    def nats(self) -> NatsSettings:
        """How to reach its bus."""
        login = credentials(self.stack.data)
        return NatsSettings(
            nats_url=f"nats://127.0.0.1:{self.stack.ports['NATS']}",
            nats_user=login.nats_user,
            nats_password=login.nats_password,
        )

    def sizes(self) -> Mapping[str, int]:
        """Each process's resident memory in bytes."""
        return {name: _resident(pid) for name, pid in self.pids.items()}

    def changes(self) -> list[str]:
        """Parts that do not run as they did at the beginning."""
        now = self.stack.description.pids
        return [f"{name} was started again" for name, pid in self.pids.items() if now[name] != pid]

    def faults(self) -> list[str]:
        """Lines of the logs that tell of an error that nobody foresaw."""
        return [
            f"{log.stem} logged {line[:300]}"
            for log in sorted((self.stack.data / "logs").glob("*.log"))
            for line in log.read_text(errors="replace").splitlines()
            if _FAULT.search(line)
        ]

    def spooled(self) -> set[str]:
        """Recordings in the spool, and whatever was left half-way."""
        spool = self.stack.data / "spool"
        entries = {path.name.partition("-")[0] for path in (spool / "entries").iterdir()}
        refused = {f"refused/{path.name}" for path in (spool / "refused").iterdir()}
        return entries | refused | {path.name for path in (spool / "incoming").iterdir()}

    async def stored(self) -> set[str]:
        """Recordings in the store, and whatever else there is but the inbox, which is others'."""
        store = S3Store(self.stack.store)
        try:
            keys = [item.key async for item in store.list("")]
            return {_recording(key) for key in keys if not key.startswith("inbox/")}
        finally:
            await store.close()

    def temporary(self) -> list[str]:
        """Files that the services left in their folders for temporary ones."""
        found = Path(self.stack.env["TMPDIR"]).glob("echobase-*/**/*")
        return [str(path) for path in found if path.is_file() and path.name != "lock"]


def _recording(key: str) -> str:
    kind, _, rest = key.partition("/")
    return rest.partition("/")[0] if kind == "recordings" else key


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
