"""The document's descriptions as HTML: of Markdown what they use, and nothing else."""

import re
from collections.abc import Iterator
from html import escape

_BLOCK = re.compile(r"```\w*\n(?P<code>.*?)```|(?P<text>(?:(?!\n\n|```).)+)", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


def html_of(text: str) -> str:
    """Paragraphs, lists, blocks of code, and code within a line."""
    return "\n".join(_blocks(text))


def inline(text: str) -> str:
    """A line; what is between backticks is code."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{escape(part)}</code>" if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def _blocks(text: str) -> Iterator[str]:
    for found in _BLOCK.finditer(text):
        if found["code"] is not None:
            yield f"<pre><code>{escape(found['code'])}</code></pre>"
        elif plain := found["text"].strip():
            yield _list(plain) if plain.startswith("- ") else f"<p>{inline(plain)}</p>"


def _list(text: str) -> str:
    items = re.split(r"^- ", text, flags=re.MULTILINE)[1:]
    return "<ul>" + "".join(f"<li>{inline(item.strip())}</li>" for item in items) + "</ul>"
