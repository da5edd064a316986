"""Stands in for curl where that is not on the machine, for what the README shows.

It reads the arguments strictly, by what curl 7.82 and later mean by them, and goes by the same
`.curlrc`, of which it knows `connect-to` and `fail-with-body`.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

_VALUED = {
    "-F": "form",
    "--form": "form",
    "-H": "header",
    "--header": "header",
    "-X": "method",
    "--request": "method",
    "--json": "json",
    "--data-binary": "data",
}
_PLAIN = {"-N", "--no-buffer", "-s", "--silent"}


class Usage(Exception):
    """A command line that is beyond the stand-in."""


@dataclass
class Line:
    """A command line, taken apart."""

    given: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    urls: list[str] = field(default_factory=list[str])


def parse(arguments: Sequence[str]) -> Line:
    """A command line. Raises Usage."""
    line, rest = Line(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _VALUED:
            line.given.setdefault(_VALUED[word], []).append(rest.pop(0))
        elif word.startswith("-") and word not in _PLAIN:
            raise Usage(f"the stand-in does not know {word}")
        elif word not in _PLAIN:
            line.urls.append(word)
    if len(line.urls) != 1:
        raise Usage(f"one address, not {line.urls}")
    return line


def request(line: Line) -> httpx.Request:
    """What curl would send."""
    given = line.given
    headers = {name: value.strip() for name, _, value in map(_parted, given.get("header", []))}
    content: bytes | None = None
    files: list[tuple[str, tuple[str | None, bytes]]] | None = None
    if "json" in given:
        content = given["json"][-1].encode()
        json.loads(content)
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    elif "data" in given:
        content = _contents(given["data"][-1])
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    elif "form" in given:
        files = [_field(each) for each in given["form"]]
    has_body = content is not None or files is not None
    method = given.get("method", ["POST" if has_body else "GET"])[-1]
    url, host = _connected(line.urls[0])
    headers["Host"] = host
    return httpx.Request(method, url, headers=headers, content=content, files=files)


def _parted(header: str) -> tuple[str, str, str]:
    return header.partition(":")


def _contents(value: str) -> bytes:
    return Path(value[1:]).read_bytes() if value.startswith("@") else value.encode()


def _field(given: str) -> tuple[str, tuple[str | None, bytes]]:
    name, _, value = given.partition("=")
    return name, (Path(value[1:]).name if value.startswith("@") else None, _contents(value))


def _connected(url: str) -> tuple[str, str]:
    """Where to connect to, and the host that is asked for."""
    host = urlsplit(url).netloc
    settings = Path(os.environ["CURL_HOME"], ".curlrc").read_text("utf-8")
    for setting in settings.splitlines():
        name, _, value = setting.partition("=")
        asked, _, place = value.strip(' "').rpartition(":127.0.0.1:")
        if name.strip() == "connect-to" and asked == host:
            return url.replace(f"//{host}", f"//127.0.0.1:{place}", 1), host
    return url, host


def main(arguments: Sequence[str]) -> int:
    """Send, and print the answer as it comes; the exit code. Raises Usage."""
    with httpx.Client(timeout=60.0) as client:
        answer = client.send(request(parse(arguments)), stream=True)
        for part in answer.iter_bytes():
            sys.stdout.buffer.write(part)
            sys.stdout.flush()
        return 22 if answer.is_error else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Usage as problem:
        sys.exit(f"curl: {problem}")
