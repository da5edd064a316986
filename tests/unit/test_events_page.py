"""The page of the messages: whole, made of the document, and held to itself."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import cast

import pytest

from services.stream.events_page.fields import kind
from services.stream.events_page.page import policy, render, style
from services.stream.events_page.prose import html_of
from shared.asyncapi import document
from shared.asyncapi.schemas import EVENTS, message_schemas
from tests.support.contract import Json

PAGE = render(document())
_ALONE = {"meta", "link"}


class Outline(HTMLParser):
    """The ids and links of a page, and whether each tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        given = dict(attrs)
        self.ids += [id] if (id := given.get("id")) else []
        self.links += [link] if (link := given.get("href")) else []
        if tag not in _ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    return found


def test_it_is_well_formed_and_its_links_lead_somewhere() -> None:
    found = outline(PAGE)
    assert (found.open, found.faults) == ([], [])
    assert len(found.ids) == len(set(found.ids))
    inner = {link[1:] for link in found.links if link.startswith("#")}
    assert inner <= set(found.ids)
    assert set(found.links) - {f"#{id}" for id in found.ids} == {
        "data:,",
        "../",
        "../docs",
        "asyncapi.yaml",
    }


def test_a_tag_that_is_not_closed_is_found() -> None:
    assert outline(PAGE.replace("</table>", "", 1)).faults != []


def test_it_has_every_subject_field_and_description() -> None:
    text = unescape(re.sub(r"<[^>]+>", "", PAGE))
    for name, schema in message_schemas().items():
        for field in cast(Json, cast(Json, schema)["properties"]):
            assert field in text, f"{name}.{field}"
    for type in EVENTS:
        assert f"echobase.event.{type}" in text
        assert f".{type}" in text
    assert "When the recording began; part of its identity" in text


def test_it_asks_nobody_for_anything() -> None:
    assert "://" not in PAGE.replace("nats://localhost:4222", "")
    assert not re.search(r'<script|\s(?:style|src|on[a-z]+)="', PAGE)
    assert f"<style>{style()}</style>" in PAGE
    assert "url(" not in style()
    assert "default-src 'none'; style-src 'sha256-" in policy()
    assert "unsafe" not in policy()


def test_it_has_colors_for_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in style()
    named = set(re.findall(r"var\((--[\w-]+)\)", style()))
    assert named <= set(re.findall(r"(--[\w-]+):", style()))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One `a<b` line.\n\nAnother.", "<p>One <code>a&lt;b</code> line.</p>\n<p>Another.</p>"),
        ("- one\n- `two`\n", "<ul><li>one</li><li><code>two</code></li></ul>"),
        ("Run\n\n```sh\na && b\n```\n", "<p>Run</p>\n<pre><code>a &amp;&amp; b\n</code></pre>"),
    ],
)
def test_prose(text: str, html: str) -> None:
    assert html_of(text) == html


@pytest.mark.parametrize(
    ("schema", "html"),
    [
        ({"type": "string", "format": "date-time"}, "RFC 3339 time"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        ({"type": "array", "items": {"$ref": "#/x/Word"}}, 'list of <a href="#Word">Word</a>'),
        ({"enum": ["a", "<b>"]}, "<code>a</code> or <code>&lt;b&gt;</code>"),
        ({}, "any JSON"),
    ],
)
def test_types(schema: Json, html: str) -> None:
    assert kind(schema) == html
