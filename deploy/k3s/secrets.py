"""The Secrets that the manifests refer to: their names, their keys, and how they are made.

None is in the tree. They are made once on the node, and kept there:

    python -m deploy.k3s.secrets --host radio.example.org | k3s kubectl create -f -

`kubectl create` leaves alone what exists, so that running it again makes only what a new release
added: for that reason each secret is a Secret of its own. They need no backup, except that clients
outside know the API key, the NATS passwords of `publisher` and `subscriber`, and the certificate
authority.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import click
import msgspec

from deploy.k3s.certificates import issue
from shared.rights import USER_NAMES, UserName

NAMESPACE = "echobase"
Kind = Literal["password", "access-key", "tls"]


@dataclass(frozen=True)
class Secret:
    """One Secret of the namespace."""

    name: str
    keys: Mapping[str, Kind]
    """What it holds; `tls` stands for `tls.crt`, `tls.key` and `ca.crt`, which clients trust."""
    meaning: str


def nats_secret(user: UserName) -> str:
    """The Secret with a NATS user's password, in its key `password`."""
    return f"echobase-nats-{user}"


API_KEY = Secret("echobase-api-key", {"key": "password"}, "the key that both HTTP services ask for")
STORE = Secret(
    "echobase-store",
    {"access-key": "access-key", "secret-key": "password"},
    "the S3 store's keys",
)
TLS = Secret("echobase-tls", {"tls": "tls"}, "the host's certificate, by the site's own authority")
ROUTES = Secret(
    "echobase-nats-routes",
    {"password": "password"},
    "what NATS servers of a cluster ask each other",
)

SECRETS: tuple[Secret, ...] = (
    API_KEY,
    STORE,
    TLS,
    ROUTES,
    *(
        Secret(nats_secret(user), {"password": "password"}, f"password of the NATS user {user}")
        for user in USER_NAMES
    ),
)


def password() -> str:
    """256 random bits. It begins with a letter, since nats-server reads it as a value of its
    configuration, where what begins with a digit may be a number."""
    return "k" + secrets.token_hex(32)


def manifest(secret: Secret, host: str) -> dict[str, object]:
    """The Secret's manifest, with new contents. `host`: the name in the certificate."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret.name, "namespace": NAMESPACE},
        "type": "kubernetes.io/tls" if "tls" in secret.keys else "Opaque",
        "stringData": _content(secret, host),
    }


def _content(secret: Secret, host: str) -> dict[str, str]:
    content: dict[str, str] = {}
    for key, kind in secret.keys.items():
        match kind:
            case "password":
                content[key] = password()
            case "access-key":
                content[key] = secrets.token_hex(10)
            case "tls":
                content |= issue(host)
    return content


@click.command()
@click.option("--host", required=True, help="The site's name or address, for its certificate.")
def main(host: str) -> None:
    """Print every Secret, newly made, for `kubectl create -f -`."""
    items = [manifest(secret, host) for secret in SECRETS]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    click.echo(msgspec.json.format(msgspec.json.encode(listed), indent=2).decode())


if __name__ == "__main__":
    main()
