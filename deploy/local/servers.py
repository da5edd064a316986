"""nats-server and the S3 server of the local stack, run from their wheels, on loopback only.

Both are used by the supervisor and by the tests. Data survives a kill: start again finds it.
"""

import contextlib
import http.client
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

from deploy.local.folder import ADMIN, Credentials, credentials, write_private
from deploy.local.ports import LOOPBACK, Ports, ours
from deploy.local.process import Process
from shared.rights import UserName, users
from shared.rights_config import authorization
from shared.settings import NatsSettings, StoreSettings

_POLL = 0.01
_INNER_PORTS = 9
_SOCKETS = Path("/tmp")  # noqa: S108 - the server's own choice
_SOCKET = re.compile(r"seaweedfs-.*-(\d+)\.sock")


class StartFailed(Exception):
    """A server did not come up."""


def executable(name: str) -> Path:
    """A program that a wheel put beside this Python.

    Raises StartFailed if it is missing.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise StartFailed(f"{name} is not installed beside {sys.executable}; run `make install`")
    return path


@dataclass(frozen=True)
class NatsServer:
    """How a nats-server is run: where it listens, who may log in and where its streams lie."""

    folder: Path
    port: int
    monitor_port: int
    login: Credentials

    @property
    def settings(self) -> NatsSettings:
        """How to reach it, as the user who may do everything."""
        return self.settings_of(ADMIN)

    def settings_of(self, user: UserName) -> NatsSettings:
        """How a user of `shared.rights` reaches it."""
        return NatsSettings(
            nats_url=f"nats://{LOOPBACK}:{self.port}",
            nats_user=user,
            nats_password=self._password(user),
        )

    def _password(self, user: UserName) -> str:
        login = self.login
        return login.nats_password if user == ADMIN else login.nats_passwords[user]

    def process(self, log: Path) -> Process:
        """Its process, not yet started; writes its configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        write_private(config, self._config().encode())
        return Process(
            [str(executable("nats-server")), "--config", str(config)], log=log, env=os.environ
        )

    def ready(self) -> bool:
        """Whether it answers, with its streams restored."""
        return answers(self.monitor_port, "/healthz")

    def _config(self) -> str:
        # Accepted means kept: every publish is on disk before it is acknowledged. The file store's
        # limit is stated, because by default it is a share of the disk's free room and a stream
        # that fits today would be refused tomorrow.
        return "\n".join(
            (
                f"listen: {json.dumps(f'{LOOPBACK}:{self.port}')}",
                f"http: {json.dumps(f'{LOOPBACK}:{self.monitor_port}')}",
                authorization(users(), lambda user: json.dumps(self._password(user))),
                "jetstream {",
                f"  store_dir: {json.dumps(str(self.folder.absolute()))}",
                "  sync_interval: always",
                "  max_file_store: 16G",
                "}",
                "",
            )
        )


@dataclass(frozen=True)
class S3Server:
    """How a `weed mini`, a whole S3 server, is run."""

    folder: Path
    port: int
    inner_ports: tuple[int, ...]
    """Nine more, for its parts: S3 gRPC, then HTTP and gRPC of master, volume, filer and admin."""
    login: Credentials
    volumes: int = 0
    """Files of up to 1 GiB, of which each bucket takes some; 0 for as many as the disk has room."""

    @property
    def settings(self) -> StoreSettings:
        """How to reach it."""
        return StoreSettings(
            store_url=f"http://{LOOPBACK}:{self.port}",
            store_access_key=self.login.store_access_key,
            store_secret_key=self.login.store_secret_key,
        )

    def process(self, log: Path) -> Process:
        """Its process, not yet started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Without keys it takes anonymous writes. They are read from the environment, since
        # everybody may read a command line.
        env = os.environ | {
            "AWS_ACCESS_KEY_ID": self.login.store_access_key,
            "AWS_SECRET_ACCESS_KEY": self.login.store_secret_key,
        }
        return Process(
            [str(executable("weed")), "-logtostderr=true", "mini", *self._options()],
            log=log,
            env=env,
            cwd=self.folder,
        )

    def ready(self) -> bool:
        """Whether it answers; then it writes objects through to the disk."""
        return answers(self.port, "/healthz") and self._write_through()

    def _write_through(self) -> bool:
        # Accepted means kept: an object's bytes are on disk before its put is answered. The filer
        # keeps this rule among its own files.
        filer = self.inner_ports[5]
        rules = {"locations": [{"location_prefix": "/buckets/", "fsync": True}]}
        return _upload(filer, "/etc/seaweedfs/", "filer.conf", json.dumps(rules).encode())

    def _options(self) -> list[str]:
        s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc, admin, admin_grpc = (
            self.inner_ports
        )
        return [
            # Relative to the working directory: a Unix socket's path has 100 characters at most.
            "-dir=.",
            "-filer.localSocket=filer.sock",
            "-s3.localSocket=s3.sock",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            f"-s3.port={self.port}",
            f"-s3.port.grpc={s3_grpc}",
            f"-master.port={master}",
            f"-master.port.grpc={master_grpc}",
            f"-volume.port={volume}",
            f"-volume.port.grpc={volume_grpc}",
            f"-volume.max={self.volumes}",
            f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}",
            f"-admin.port={admin}",
            f"-admin.port.grpc={admin_grpc}",
            "-admin.ui=false",
            "-webdav=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            # By default what was deleted stays on the disk until a third is garbage.
            "-master.garbageThreshold=0.001",
        ]


Recipe = NatsServer | S3Server


class LocalServer:
    """A server that is started and stopped by hand, as the tests do."""

    def __init__(self, recipe: Recipe, log: Path) -> None:
        self.recipe = recipe
        self.process = recipe.process(log)

    def start(self, timeout: float = 30.0) -> None:
        """Start it, with the same folder and ports every time, and wait until it is ready.

        Raises StartFailed, with the end of its log.
        """
        self.process.start()
        wait_until(self.recipe.ready, self.process, timeout)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.stop()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()


def new_nats(folder: Path, port: int | None = None, ports: Ports | None = None) -> NatsServer:
    """A nats-server for a folder, which holds its credentials; on a free port if none is given."""
    free, monitor = (ports or ours()).free(2)
    return NatsServer(folder / "nats", port or free, monitor, credentials(folder))


def new_s3(folder: Path, port: int | None = None, ports: Ports | None = None) -> S3Server:
    """An S3 server for a folder, which holds its credentials; on a free port if none is given."""
    others = left_by_others(_SOCKETS, os.geteuid())
    free, *inner = (ports or ours()).free(1 + _INNER_PORTS, others)
    return S3Server(folder / "store", port or free, tuple(inner), credentials(folder))


def left_by_others(folder: Path, user: int) -> set[int]:
    """The ports whose sockets other users' S3 servers have left in a folder.

    A server that was killed leaves them, and only its own user's next one can take their place.
    """
    if user == 0:
        return set()
    taken: set[int] = set()
    for path in folder.iterdir():
        # One that its server has just removed is in nobody's way.
        with contextlib.suppress(FileNotFoundError):
            if (match := _SOCKET.fullmatch(path.name)) and path.lstat().st_uid != user:
                taken.add(int(match[1]))
    return taken


def wait_until(ready: Callable[[], bool], process: Process, timeout: float) -> None:
    """Poll until a process is ready.

    Raises StartFailed, with the end of its log, if it ends or is not in time.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        if not process.alive:
            raise StartFailed(_failure(process, f"ended with exit code {process.exit_code}"))
        if time.monotonic() > deadline:
            raise StartFailed(_failure(process, f"was not ready after {timeout:g} s"))
        time.sleep(_POLL)


def _failure(process: Process, what: str) -> str:
    name = Path(process.command[0]).name
    return "\n".join((f"{name} {what}; the end of {process.log}:", *process.last_lines()))


def answers(port: int, path: str, host: str = LOOPBACK) -> bool:
    """Whether a GET is answered with 200 within 2 seconds."""
    return _request(port, "GET", path, host=host) == http.client.OK


def _upload(port: int, folder: str, name: str, content: bytes) -> bool:
    line = uuid4().hex
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    body = f"--{line}\r\n{disposition}\r\n\r\n".encode() + content + f"\r\n--{line}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={line}"}
    return _request(port, "POST", folder, body, headers) == http.client.CREATED


def _request(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    host: str = LOOPBACK,
) -> int | None:
    """The answer's status; None if there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
