"""Real servers for tests: each listens on loopback, on ports of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from deploy.local.servers import LocalServer, new_nats, new_s3
from shared.settings import NatsSettings, StoreSettings


class NatsFixture(LocalServer):
    """A nats-server; kill() and start() keep port, folder and credentials."""

    def __init__(self, folder: Path) -> None:
        recipe = new_nats(folder)
        super().__init__(recipe, folder / "nats.log")
        self.settings: NatsSettings = recipe.settings
        self.monitor_url = f"http://127.0.0.1:{recipe.monitor_port}"


class S3Fixture(LocalServer):
    """An S3 server; kill() and start() keep port, folder and credentials."""

    def __init__(self, folder: Path) -> None:
        # Each test has a bucket of its own, and hardly anything in it.
        recipe = replace(new_s3(folder), volumes=10_000)
        super().__init__(recipe, folder / "store.log")
        self.settings: StoreSettings = recipe.settings

    def see_to_it(self, tell: Callable[[str], None]) -> None:
        """Start it again if it died, and tell: one test that breaks it is not to fail all later."""
        if not self.process.alive:
            found = f"the S3 server was dead, exit code {self.process.exit_code}; its log's end:"
            tell("\n".join((found, *self.process.last_lines(30))))
            self.start()
