"""nats-servers on this machine, with the very configuration that the pods get."""

import re
from collections.abc import Mapping
from pathlib import Path

from deploy.k3s.secrets import password
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Process
from deploy.local.servers import answers, executable, wait_until
from shared.rights import USER_NAMES, UserName
from shared.rights_config import variable
from shared.settings import NatsSettings
from tests.support import k3s_links
from tests.support.manifests import Node, environment, pods

_HOST = re.compile(r"@nats-(\d)\.nats-headless:6222")


class PodServer:
    """One pod's nats-server; only places and ports are other ones."""

    def __init__(
        self, documents: list[Node], folder: Path, number: int, passwords: Mapping[str, str],
        route_ports: list[int],
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True)
        self.port, self.monitor = free_ports(2)
        places = {
            '"0.0.0.0:4222"': f'"{LOOPBACK}:{self.port}"',
            '"0.0.0.0:8222"': f'"{LOOPBACK}:{self.monitor}"',
            '"0.0.0.0:6222"': f'"{LOOPBACK}:{route_ports[number]}"',
            '"/data"': f'"{folder / "data"}"',
            '"/run/nats/nats.pid"': f'"{folder / "nats.pid"}"',
        }
        for name, text in k3s_links.data(documents, "nats").items():
            for old, new in places.items():
                text = text.replace(old, new)
            (folder / name).write_text(text, "utf-8")
        env = _environment(documents, number, passwords, route_ports)
        command = [str(executable("nats-server")), "--config", str(folder / "nats.conf")]
        self.process = Process(command, log=folder / "nats.log", env=env)
        self._passwords = passwords

    def start(self) -> None:
        """Start it, and wait for nothing."""
        self.process.start()

    def wait(self) -> None:
        """Until the probe says that it has started."""
        wait_until(lambda: answers(self.monitor, "/healthz"), self.process, 30)

    def settings(self, user: UserName) -> NatsSettings:
        """How a user reaches it."""
        return NatsSettings(
            nats_url=f"nats://{LOOPBACK}:{self.port}",
            nats_user=user,
            nats_password=self._passwords[variable(user)],
        )


def passwords() -> dict[str, str]:
    """One for each user and one for the routes, by the variable that holds it, as on a node."""
    names = [*map(variable, USER_NAMES), "NATS_ROUTES_PASSWORD"]
    return {name: password() for name in names}


def _environment(
    documents: list[Node], number: int, passwords: Mapping[str, str], route_ports: list[int]
) -> dict[str, str]:
    """The container's variables, as Kubernetes makes them."""
    [container] = [c for pod in pods(documents) if pod.name == "nats" for c in pod.containers]
    env = environment(container, documents) | {"NATS_SERVER_NAME": f"nats-{number}"}
    env |= {name: value for name, value in passwords.items() if name in env}
    for name, value in env.items():
        value = re.sub(r"\$\((\w+)\)", lambda found: env[found[1]], value)
        env[name] = _HOST.sub(lambda at: f"@{LOOPBACK}:{route_ports[int(at[1])]}", value)
    return env
