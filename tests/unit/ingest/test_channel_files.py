"""Files of names as people have them: SDRTrunk's playlist, and CSV of two programs and more."""

import pytest

from services.ingest.channels.csv_file import read_csv
from services.ingest.channels.desk import Stored
from services.ingest.channels.found import Found, Refused, Row
from services.ingest.channels.importing import decide, read_file
from services.ingest.channels.sdrtrunk_file import read_playlist
from shared.channels import ChannelRecord
from shared.errors import BadInput

PLAYLIST = b"""<playlist version="4">
  <alias group="Fire" color="-65536" name="FD Disp" list="County P25" iconName="Fire Truck">
    <id type="priority" priority="10"/>
    <id type="talkgroup" value="54241" protocol="APCO25"/>
    <id type="broadcastChannel" channel="Broadcastify"/>
    <id type="record"/>
  </alias>
  <alias group="Fire" color="0" name="Engine 7 &amp; 8" list="County P25" iconName="No Icon">
    <id type="radio" value="1701" protocol="APCO25"/>
    <id type="radioRange" min="1702" max="1710" protocol="APCO25"/>
  </alias>
  <alias group="EMS" color="0" name="Rettung S\xc3\xbcd" list="County P25">
    <id type="talkgroup" value="9" protocol="DMR"/>
    <id type="p25FullyQualifiedTalkgroup" wacn="781833" system="316" value="10"/>
  </alias>
  <alias group="Mutual" color="0" name="Wide" list="County P25">
    <id type="talkgroupRange" min="100" max="199" protocol="APCO25"/>
  </alias>
  <alias color="0" name="Repeater" list="Conventional">
    <id type="talkgroup" value="1" protocol="APCO25"/>
    <id type="streamAsTalkgroup" value="9001"/>
  </alias>
  <alias color="0" name="Old" list="County P25">
    <id xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="talkgroupID"
     talkgroup="D3E1"/>
    <id xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="talkgroup" value="77"/>
  </alias>
  <channel name="Site 1" system="County"><alias_list_name>County P25</alias_list_name></channel>
  <stream type="RdioScannerConfiguration" name="EchoBase" host="http://localhost:3001/api"/>
</playlist>
"""
TRUNK_RECORDER = (
    b"Decimal,Hex,Alpha Tag,Mode,Description,Tag,Category,Priority\n"
    b'101,065,DCFD 01 Disp,D,"01 Dispatch, ""All"" stations",Fire Dispatch,Services,1\n'
    b"00102,066,DCFD 02 Ops,D,02 Operations,Fire-Tac,Services,1\n"
    b"\n"
    b"abc,067,DCFD 03,D,03,Fire-Tac,Services,3\n"
    b"103,067,DCFD 03,D\n"
    b"104,,,DE,,,\n"
)
RADIO_REFERENCE = (
    b"\xef\xbb\xbf"
    b'"Decimal","Hex","Alpha Tag","Mode","Description","Tag","Category"\r\n'
    b'"54241","d3e1","FD Disp","T","Fire Dispatch","Fire Dispatch","County (Fire)"\r\n'
    b'"54243","d3e3","FD\r\nTac 2","T","Fire Tac 2","Fire-Tac","County (Fire)"\r\n'
    b'"54245","d3e5","EMS Disp","TE","EMS Dispatch","EMS Dispatch","County (EMS)"\r\n'
)


def rows(data: bytes) -> list[Row]:
    return list(read_csv(data))


def test_a_playlist_gives_a_channel_for_each_talkgroup() -> None:
    fire = {"label": "FD Disp", "group": "Fire"}
    ems = {"label": "Rettung Süd", "group": "EMS"}
    assert read_playlist(PLAYLIST) == [
        Found(4, "54241", "County P25", fire),
        Found(13, "9", "County P25", ems),
        Found(14, "10", "County P25", ems),
        Refused(17, "a range of talkgroups is no channel"),
        Found(21, "9001", "Conventional", {"label": "Repeater"}),
        Refused(24, "a talkgroup of an old playlist: open and save that in a newer SDRTrunk"),
        Found(26, "77", "County P25", {"label": "Old"}),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<playlist><alias", "line 1"),
        (b"<playlist/>", "no alias"),
        (b"", "line 1"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><playlist>&d;</playlist>',
            "entities",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><playlist>&b;</playlist>',
            "entities",
        ),
        (b'<?xml version="1.0" encoding="no-such"?><playlist/>', "unknown encoding"),
    ],
)
def test_what_is_no_playlist_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        read_playlist(data)
    assert refused.value.field == "FILE"
    assert refused.value.limit


def test_trunk_recorders_talkgroups() -> None:
    assert rows(TRUNK_RECORDER) == [
        Found(
            2,
            "101",
            names={
                "label": "DCFD 01 Disp",
                "description": '01 Dispatch, "All" stations',
                "tag": "Fire Dispatch",
                "group": "Services",
            },
        ),
        Found(
            3,
            "102",
            names={
                "label": "DCFD 02 Ops",
                "description": "02 Operations",
                "tag": "Fire-Tac",
                "group": "Services",
            },
        ),
        Refused(5, "'abc' is no talkgroup's number"),
        Found(6, "103", names={"label": "DCFD 03"}),
        Found(7, "104"),
    ]


def test_radioreferences_export() -> None:
    found = rows(RADIO_REFERENCE)
    assert [row.line for row in found] == [2, 3, 5]
    assert found[0] == Found(
        2,
        "54241",
        names={
            "label": "FD Disp",
            "description": "Fire Dispatch",
            "tag": "Fire Dispatch",
            "group": "County (Fire)",
        },
    )


def test_columns_are_taken_by_their_header() -> None:
    data = b"Priority,Category,Tag,Description,Mode,ALPHA_TAG,DEC\n1,Fire,T,Long,D,Short,5\n"
    names = {"label": "Short", "description": "Long", "tag": "T", "group": "Fire"}
    assert rows(data) == [Found(2, "5", names=names)]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_write_other_delimiters(delimiter: str) -> None:
    lines = ["Decimal", "Alpha Tag"], ["5", "A, B"]
    data = "\r\n".join(delimiter.join(cells) for cells in lines).encode()
    assert rows(data) == [Found(2, "5", names={"label": "A, B"})]


@pytest.mark.parametrize(
    ("encoding", "label"), [("latin-1", "Süd"), ("cp1252", "Süd … 1 €"), ("utf-8", "Süd … 1 €")]
)
def test_text_of_other_systems_is_read(encoding: str, label: str) -> None:
    data = f"Decimal,Alpha Tag\n5,{label}\n".encode(encoding)
    assert rows(data) == [Found(2, "5", names={"label": label})]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"101,065,DCFD,D,Dispatch,Tag,Cat,1\n", b"Alpha Tag,Tag\na,b\n", b"\x00\xff"],
)
def test_a_file_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match="names the columns"):
        rows(data)


def test_a_quote_that_is_never_closed_is_told_where_it_begins() -> None:
    found = rows(b'Decimal,Alpha Tag\n5,A\n6,"B\n7,C\n')
    assert found[0] == Found(2, "5", names={"label": "A"})
    [refused] = found[1:]
    assert isinstance(refused, Refused)
    assert refused.line == 3


def test_the_format_is_found() -> None:
    assert len(read_file(PLAYLIST, "auto")) == 7
    assert len(read_file(b"\xef\xbb\xbf\n" + PLAYLIST, "auto")) == 7
    assert len(read_file(RADIO_REFERENCE, "auto")) == 3
    with pytest.raises(BadInput, match="not an XML file"):
        read_file(RADIO_REFERENCE, "sdrtrunk")


# --- what is done with it ---


def test_what_is_new_changed_the_same_and_refused() -> None:
    known = {
        record.key: Stored(record, revision)
        for record, revision in (
            (ChannelRecord(source="county", channel="1", label="A", prompt="Engine 4."), 7),
            (ChannelRecord(source="county", channel="2", label="B", tag="T"), 8),
        )
    }
    found = decide(
        [
            Found(2, "1", names={"label": "New"}),
            Found(3, "2", names={"label": "B"}),
            Found(4, "3", names={"label": "C", "group": "G"}),
            Found(5, "3", names={"label": "D"}),
            Found(6, "4", names={"label": "x" * 129}),
            Refused(7, "odd"),
        ],
        known,
        "county",
    )
    [new] = found.added
    assert (new.revision, new.line) == (0, 4)
    assert new.record == ChannelRecord(source="county", channel="3", label="C", group="G")
    [other] = found.changed
    assert other.revision == 7
    # What else was said of it stays.
    assert other.record == ChannelRecord(
        source="county", channel="1", label="New", prompt="Engine 4."
    )
    assert found.same == 1
    assert [each.line for each in found.refused] == [5, 6, 7]
    assert "line 4 already" in found.refused[0].why
    assert "at most 128 characters" in found.refused[1].why


def test_imported_again_nothing_changes() -> None:
    first = decide(read_playlist(PLAYLIST), {})
    assert len(first.added) == 5
    known = {change.record.key: Stored(change.record, 1) for change in first.added}
    again = decide(read_playlist(PLAYLIST), known)
    assert (again.changes, again.same, len(again.refused)) == ([], 5, 2)


def test_a_source_is_the_files_unless_another_is_said() -> None:
    assert {c.record.source for c in decide(read_playlist(PLAYLIST), {}).added} == {
        "County P25",
        "Conventional",
    }
    assert {c.record.source for c in decide(read_playlist(PLAYLIST), {}, "11").added} == {"11"}
    nobodys = decide(rows(RADIO_REFERENCE), {})
    assert {refused.why for refused in nobodys.refused} == {
        "the file does not say whose it is: give --source"
    }
