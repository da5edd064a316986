"""A request's body, streamed into the spool."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.body import (
    FIELD_BYTES,
    BrokenOff,
    TooSlow,
    all_fields,
    check_length,
    chunks,
    is_form,
    receive_form,
    receive_raw,
)
from services.ingest.form_parser import PARTS
from shared.errors import BadInput, NotAudio, TooLarge
from tests.support.ingest import MIB, files, open_spool

TYPE = "multipart/form-data; boundary=xx--xx"


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form; a name may hold a file's name after a slash."""
    made = b""
    for name, value in parts:
        field, _, filename = name.partition("/")
        suffix = f'; filename="{filename}"' if filename else ""
        made += (
            f'--xx--xx\r\nContent-Disposition: form-data; name="{field}"{suffix}\r\n\r\n'.encode()
        )
        made += value + b"\r\n"
    return made + b"--xx--xx--\r\n"


async def stream(data: bytes, cuts: list[int] | None = None) -> AsyncGenerator[bytes, None]:
    """The bytes in pieces."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    for begin, end in itertools.pairwise(places):
        if begin < end:
            yield data[begin:end]


async def receive(
    folder: Path, body: bytes, cuts: list[int] | None = None, most: int = MIB
) -> tuple[dict[str, str], bytes]:
    """Fields and audio of a form, as a spool takes them."""
    spool = open_spool(folder)
    try:
        async with spool.receive() as audio:
            filled = await receive_form(stream(body, cuts), TYPE, audio, most)
            await audio.finish()
            return all_fields([], filled), audio.path.read_bytes()
    finally:
        spool.close()
        assert files(folder) == []
        assert spool.room.used == 0


AUDIO = b"RIFF\r\n--xx-\r\n--xx--x\r\n" + bytes(range(256)) * 5


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=12), place=st.integers(0, 2))
async def test_the_audio_may_stand_anywhere_and_come_in_any_pieces(
    tmp_path: Path, cuts: list[int], place: int
) -> None:
    parts = [("source", b"county"), ("channel", "Feuerwehr Süd".encode())]
    parts.insert(place, ("file/call.wav", AUDIO))
    fields, audio = await receive(tmp_path, form(*parts), cuts)
    assert audio == AUDIO
    assert fields == {"source": "county", "channel": "Feuerwehr Süd", "filename": "call.wav"}


async def test_a_filename_field_wins_over_that_of_the_part(tmp_path: Path) -> None:
    body = form(("file/blob", AUDIO), ("filename", b"call.wav"))
    assert (await receive(tmp_path, body))[0] == {"filename": "call.wav"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (form(("source", b"x")), "file"),
        (form(), "file"),
        (form(("file/a", AUDIO), ("file/b", AUDIO)), "file"),
        (form(("source", b"x"), ("file/a", AUDIO), ("source", b"y")), "source"),
        (form(("audio/a", AUDIO)), "audio"),
        (form(("file/a", AUDIO), ("sorce", b"x")), "sorce"),
        (form(("source", b"\xff\xfe"), ("file/a", AUDIO)), "source"),
        (form(("prompt", bytes(FIELD_BYTES + 1)), ("file/a", AUDIO)), "prompt"),
        (form(("file/a", AUDIO))[:-30], "body"),
        (form(("file/a", AUDIO))[:60], "body"),
        (b"", "body"),
        (AUDIO, "body"),
        (b"--xx--xx\r\nContent-Type: text/plain\r\n\r\nx\r\n--xx--xx--\r\n", "body"),
        (form(("", b"x"), ("file/a", AUDIO)), "body"),
        (b"--xx--xx\r\nX: " + b"y" * 9_000 + b"\r\n\r\nx\r\n--xx--xx--\r\n", "body"),
    ],
)
async def test_a_bad_form_is_refused_by_field(tmp_path: Path, body: bytes, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        await receive(tmp_path, body)
    assert caught.value.field == field


async def test_a_form_has_a_bounded_number_of_parts(tmp_path: Path) -> None:
    body = form(*((name, b"") for name in ["source"] * (PARTS + 1)))
    with pytest.raises(BadInput, match="twice"):
        await receive(tmp_path, body)


async def test_a_form_without_a_boundary_is_refused(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    async with spool.receive() as audio:
        with pytest.raises(BadInput) as caught:
            await receive_form(stream(b"x"), "multipart/form-data", audio, MIB)
    spool.close()
    assert caught.value.field == "Content-Type"


@pytest.mark.parametrize("kind", ["audio", "preamble"])
async def test_a_form_is_cut_off_at_its_limit(tmp_path: Path, kind: str) -> None:
    endless = 3 * MIB
    head = form(("file/a", b""))[: -len(b"\r\n--xx--xx--\r\n")] if kind == "audio" else b""
    with pytest.raises(TooLarge):
        await receive(tmp_path, head + bytes(endless), [n * 65_536 for n in range(48)], most=MIB)


async def test_a_raw_body_is_cut_off_at_its_limit(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    async with spool.receive() as audio:
        await receive_raw(stream(bytes(1000)), audio, 1000)
        with pytest.raises(TooLarge) as caught:
            await receive_raw(stream(b"x"), audio, 1000)
    spool.close()
    assert caught.value.limit == "1000 bytes"
    assert files(tmp_path) == []


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes() -> None:
    check_length({"content-length": "1000"}, 1000)
    check_length({}, 1000)
    with pytest.raises(TooLarge):
        check_length({"content-length": str(10 * MIB)}, 1000)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (TYPE, True),
        ("Multipart/Form-Data; boundary=x", True),
        ("audio/wav", False),
        ("audio/mpeg; charset=binary", False),
        ("video/mp4", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_content_types_that_are_taken(content_type: str, expected: bool) -> None:
    assert is_form(content_type) is expected


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
)
def test_content_types_that_are_not(content_type: str) -> None:
    with pytest.raises(NotAudio) as caught:
        is_form(content_type)
    assert caught.value.field == "Content-Type"
    assert content_type in str(caught.value)


def test_a_field_may_stand_in_the_query_or_in_the_form_but_once() -> None:
    assert all_fields([("source", "a")], None) == {"source": "a"}
    with pytest.raises(BadInput, match="'source' is given twice"):
        all_fields([("source", "a"), ("source", "b")], None)


async def test_a_client_that_goes_away_is_noticed() -> None:
    messages: list[Mapping[str, object]] = [
        {"type": "http.request", "body": b"RIFF", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Mapping[str, object]:
        return messages.pop(0)

    body = chunks(receive)
    assert await anext(body) == b"RIFF"
    with pytest.raises(BrokenOff):
        await anext(body)


async def test_a_client_that_stalls_is_given_up() -> None:
    async def receive() -> Mapping[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TooSlow):
        await anext(chunks(receive, idle=0.01))
