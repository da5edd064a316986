"""The users of `shared.rights` as nats-server's configuration has them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from shared.rights import User, UserName

_ANSWER_WITHIN = "1m"


def authorization(users: Iterable[User], password: Callable[[UserName], str]) -> str:
    """The block `authorization` with every user.

    `password` gives a user's password as it stands in the configuration: quoted, or `$VARIABLE` for
    one that nats-server takes from its environment.
    """
    lines = ["authorization {", "  users: ["]
    for user in users:
        lines += _user(user, password(user.name))
    lines += ["  ]", "}", ""]
    return "\n".join(lines)


def variable(user: UserName) -> str:
    """The environment variable from which nats-server takes a user's password."""
    return f"NATS_{user.upper()}_PASSWORD"


def _user(user: User, password: str) -> Iterator[str]:
    yield f"    # {user.meaning}"
    yield "    {"
    yield f"      user: {json.dumps(user.name)}"
    yield f"      password: {password}"
    yield "      permissions: {"
    yield from _list("publish", user.rights.publish, user.rights.never)
    yield from _list("subscribe", user.rights.subscribe)
    if user.rights.answers:
        yield f'        allow_responses: {{ max: 1, expires: "{_ANSWER_WITHIN}" }}'
    yield "      }"
    yield "    }"


def _list(what: str, subjects: Iterable[str], never: Sequence[str] = ()) -> Iterator[str]:
    # A user without an `allow` may do everything: the list is there even if nothing is in it.
    yield f"        {what}: {{"
    yield "          allow: ["
    yield from (f"            {json.dumps(subject)}" for subject in subjects)
    yield "          ]"
    if never:
        yield "          deny: ["
        yield from (f"            {json.dumps(subject)}" for subject in never)
        yield "          ]"
    yield "        }"
