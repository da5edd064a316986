"""`python -m services.stream.dev`: stream, with the page read from the disk at every request.

`shared.reload` runs this in place of `services.stream`.
"""

from litestar import Response

from services.stream.__main__ import main
from services.stream.pages import Page, read_page
from shared.lifecycle import run


class FreshPage(Page):
    """The page as it is on the disk."""

    def answer(self, name: str, known: str | None) -> Response[bytes]:
        """A file, which nobody keeps. Raises ProblemError (404)."""
        self._files = read_page()
        response = super().answer(name, known)
        response.headers["Cache-Control"] = "no-store"
        return response


if __name__ == "__main__":
    run("stream", lambda life: main(life, FreshPage))
