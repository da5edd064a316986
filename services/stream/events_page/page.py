"""The page, made of the AsyncAPI document."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import cast

from services.stream.events_page.fields import table
from services.stream.events_page.prose import html_of, inline
from shared.asyncapi.schemas import Json

_STYLES = (
    Path(__file__).parents[1] / "page/style.css",
    Path(__file__).with_name("style.css"),
)
"""The page's own frame and colors, and what only this one has."""
_ACTIONS = {"receive": "you publish", "send": "you read"}


def render(document: Json) -> str:
    """The whole page, which refers to nothing but itself and its neighbors."""
    info = cast(Json, document["info"])
    title = escape(str(info["title"]))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style()}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header class="bar">
<h1>{title}</h1>
<nav aria-label="Elsewhere"><a href="../">Recordings</a> <a href="../docs">HTTP</a>
<a href="asyncapi.yaml" download>asyncapi.yaml</a></nav>
</header>
<main id="content" class="document">
{html_of(str(info["description"]))}
{_server(document)}
{_overview(document)}
{"".join(_operations(document))}
{"".join(_objects(document))}
</main>
</body>
</html>
"""


def style() -> str:
    """What stands between the page's `style` tags."""
    return "\n".join(path.read_text("utf-8") for path in _STYLES)


def policy() -> str:
    """The Content-Security-Policy: the page's own style, and nothing at all besides."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )


def _server(document: Json) -> str:
    [server] = cast(Mapping[str, Json], document["servers"]).values()
    [login] = cast(list[Json], server["security"])
    users = html_of(str(_resolved(document, login)["description"]))
    return (
        f'<h2 id="server">Where</h2><p>{inline(str(server["description"]))}'
        f" <code>nats://{escape(str(server['host']))}</code></p>{users}"
    )


def _overview(document: Json) -> str:
    rows = "".join(
        f'<tr><th scope="row"><a href="#{name}">{escape(str(operation["title"]))}</a></th>'
        f"<td>{_ACTIONS[str(operation['action'])]}</td>"
        f"<td><code>{escape(str(_channel(document, operation)['address']))}</code></td>"
        f"<td>{inline(str(operation['summary']))}</td></tr>"
        for name, operation in cast(Mapping[str, Json], document["operations"]).items()
    )
    return (
        '<h2 id="subjects">Subjects</h2><div class="wide"><table><thead><tr>'
        '<th scope="col">Message</th><th scope="col">Who</th><th scope="col">Subject</th>'
        f'<th scope="col">What</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _operations(document: Json) -> Iterator[str]:
    for name, operation in cast(Mapping[str, Json], document["operations"]).items():
        channel = _channel(document, operation)
        yield f'<section id="{name}"><h2>{escape(str(operation["title"]))}</h2>'
        yield f"<p><code>{escape(str(channel['address']))}</code></p>"
        yield html_of(str(operation["description"]))
        yield _parameters(document, channel)
        for message in cast(list[Json], operation["messages"]):
            yield from _message(document, _resolved(document, message))
        if isinstance(reply := operation.get("reply"), dict):
            yield from _reply(document, cast(Json, reply))
        yield "</section>"


def _reply(document: Json, reply: Json) -> Iterator[str]:
    channel = _resolved(document, cast(Json, reply["channel"]))
    yield f"<h3>{escape(str(channel['title']))}</h3>{html_of(str(channel['description']))}"
    for message in cast(list[Json], reply["messages"]):
        yield from _message(document, _resolved(document, message))


def _parameters(document: Json, channel: Json) -> str:
    rows = "".join(
        f"<dt><code>{escape(name)}</code></dt>"
        f"<dd>{inline(str(_resolved(document, each)['description']))}</dd>"
        for name, each in cast(Mapping[str, Json], channel["parameters"]).items()
    )
    return f'<dl class="parameters">{rows}</dl>'


def _message(document: Json, message: Json) -> Iterator[str]:
    payload = _resolved(document, cast(Json, message["payload"]))
    yield f"<h4>Body</h4>{html_of(str(payload['description']))}{table(payload)}"
    if isinstance(headers := message.get("headers"), dict):
        found = _resolved(document, cast(Json, headers))
        yield f"<details><summary>Headers</summary>{html_of(str(found['description']))}"
        yield f"{table(found)}</details>"
    for example in cast(list[Json], message["examples"]):
        yield _example(example)


def _example(example: Json) -> str:
    summary = example.get("summary")
    said = f"Example: {inline(str(summary))}" if summary else "Example"
    headers = cast(Mapping[str, str], example.get("headers", {}))
    top = "".join(f"{name}: {value}\n" for name, value in headers.items())
    body = json.dumps(example["payload"], indent=2, ensure_ascii=False)
    shown = f"{top}\n{body}" if top else body
    return f"<h4>{said}</h4><pre><code>{escape(shown)}</code></pre>"


def _objects(document: Json) -> Iterator[str]:
    """What messages hold: the schemas that are no message's own."""
    components = cast(Mapping[str, Mapping[str, Json]], document["components"])
    own = {
        str(cast(Json, message[part])["$ref"]).rpartition("/")[2]
        for message in components["messages"].values()
        for part in ("payload", "headers")
        if part in message
    }
    for name, schema in components["schemas"].items():
        if name not in own:
            yield f'<section id="{escape(name)}"><h2>{escape(name)}</h2>'
            yield f"{html_of(str(schema['description']))}{table(schema)}</section>"


def _channel(document: Json, operation: Json) -> Json:
    return _resolved(document, cast(Json, operation["channel"]))


def _resolved(document: Json, part: Json) -> Json:
    while isinstance(reference := part.get("$ref"), str):
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = cast(Json, part[name])
    return part
