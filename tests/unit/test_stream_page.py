"""The page: complete, held to its own origin, and served only when it has changed."""

import re
from pathlib import Path

import pytest

from services.stream import pages
from services.stream.pages import Page, policy
from shared.http.problem import ProblemError

FOLDER = Path(pages.__file__).with_name("page")
PAGE = Page(["http://localhost:3001"])


def test_every_file_that_is_referred_to_is_there() -> None:
    referred: set[str] = set()
    for path in FOLDER.iterdir():
        text = path.read_text()
        referred |= set(re.findall(r'(?:src|href)="page/([^"]+)"', text))
        referred |= set(re.findall(r'^import .* from "\./([^"]+)";$', text, re.MULTILINE))
        # Types alone, as comments name them.
        referred |= set(re.findall(r'import\("\./([^"]+)"\)', text))
    assert referred | {"index.html"} == {path.name for path in FOLDER.iterdir()}


def test_no_file_refers_to_another_host_or_makes_markup_of_data() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), path
        assert not re.search(r'\s(?:style|on[a-z]+)="', text), path


def test_what_the_page_asks_of_its_elements_is_in_it() -> None:
    index = (FOLDER / "index.html").read_text()
    asked = {
        name
        for path in FOLDER.glob("*.js")
        for name in re.findall(r'getElementById\("([^"]+)"\)', path.read_text())
    }
    assert asked
    assert asked <= set(re.findall(r'id="([^"]+)"', index))


def test_the_policy_allows_uploads_and_nothing_else_from_elsewhere() -> None:
    found = policy(["http://localhost:3001", "http://[::1]:3001"])
    assert "default-src 'self';" in found
    assert "connect-src 'self' http://localhost:3001;" in found
    assert "unsafe" not in found


def test_a_known_file_is_not_sent_again() -> None:
    first = PAGE.answer("main.js", None)
    tag = first.headers["ETag"]
    again = PAGE.answer("main.js", f'"other", {tag}')
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert PAGE.answer("main.js", '"other"').status_code == 200


@pytest.mark.parametrize("name", ["none.js", "..", "../__main__.py", ""])
def test_only_the_pages_own_files_are_given(name: str) -> None:
    with pytest.raises(ProblemError):
        PAGE.answer(name, None)
