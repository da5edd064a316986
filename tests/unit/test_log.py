import json
import logging
from collections.abc import Iterator

import pytest

from shared import log


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]):
    log.configure("ingest")
    with log.bind(recording="r1"), log.bind(version=2):
        logging.getLogger("x").info("kept %d\nbytes", 3, extra={"lane": "live"})
    logging.getLogger("x").debug("not shown")
    [line] = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "service": "ingest",
        "logger": "x",
        "message": "kept 3\nbytes",
        "recording": "r1",
        "version": 2,
        "lane": "live",
    }


def test_what_was_bound_ends_with_its_context(capsys: pytest.CaptureFixture[str]):
    log.configure("ingest")
    with log.bind(recording="r1"):
        pass
    logging.getLogger("x").info("later")
    assert "r1" not in capsys.readouterr().err


def test_an_exception_and_a_field_of_any_type_do_not_break_the_line(
    capsys: pytest.CaptureFixture[str],
):
    log.configure("ingest")
    try:
        raise OSError("no disk")
    except OSError:
        logging.getLogger("x").exception("failed", extra={"what": object(), "level": "mine"})
    found = json.loads(capsys.readouterr().err)
    assert "OSError: no disk" in found["exception"]
    assert found["what"].startswith("<object")
    assert found["level"] == "error"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]):
    log.configure("ingest", "debug", "text")
    with log.bind(recording="r1"):
        logging.getLogger("x").debug("kept")
    assert capsys.readouterr().err.endswith("DEBUG   ingest kept recording=r1\n")
