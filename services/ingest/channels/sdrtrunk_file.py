"""SDRTrunk's aliases: its playlist (XML), or a part of it.

    <alias name="FD Disp" group="Fire" list="County"><id type="talkgroup" value="54241" …/></alias>

An alias is a channel for each of its talkgroups; those of radios, tones and the like are none. The
source is the alias list, unless the command says another.
"""

from collections.abc import Mapping
from typing import cast
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from services.ingest.channels.found import Found, Refused, Row, talkgroup
from shared.errors import BadInput

_WANTED = "an XML file with SDRTrunk's aliases"
_TALKGROUPS = ("talkgroup", "p25FullyQualifiedTalkgroup")
_SENT_AS = "streamAsTalkgroup"
"""As which a call is sent to others, us included, in the place of its own talkgroup."""
_NO_CHANNELS: Mapping[str, str] = {
    "talkgroupRange": "a range of talkgroups is no channel",
    "talkgroupID": "a talkgroup of an old playlist: open and save that in a newer SDRTrunk",
}


def read_playlist(data: bytes) -> list[Row]:
    """The channels of a playlist. Raises BadInput if it is none."""
    handler = _Aliases()
    try:
        parseString(data, handler)
    except SAXParseException as error:
        where = error.getLineNumber()
        raise _no_playlist(f"line {where}: {error.getMessage()}") from error
    except DefusedXmlException as error:
        raise _no_playlist("it declares entities, which are not expanded") from error
    except (ValueError, LookupError) as error:  # such as an encoding that nobody knows
        raise _no_playlist(str(error)) from error
    if not handler.aliases:
        raise _no_playlist("it has no alias")
    return handler.rows


def _no_playlist(why: str) -> BadInput:
    return BadInput(f"The file is not {_WANTED}: {why}.", field="FILE", limit=_WANTED)


class _Aliases(ContentHandler):
    """Gathers aliases as they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.aliases = 0
        self._place: Locator | None = None
        self._alias: Mapping[str, str] | None = None
        self._ids: list[tuple[int, Mapping[str, str]]] = []

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX'
        """Who knows where the reader is."""
        self._place = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX'
        """An element begins."""
        said = dict(cast(Mapping[str, str], attrs))
        if name == "alias":
            self.aliases += 1
            self._alias, self._ids = said, []
        elif name == "id" and self._alias is not None:
            self._ids.append((self._line(), said))

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX'
        """An element ends."""
        if name == "alias" and self._alias is not None:
            self.rows += _rows(self._alias, self._ids)
            self._alias = None

    def _line(self) -> int:
        return (self._place.getLineNumber() if self._place else None) or 0


def _rows(alias: Mapping[str, str], ids: list[tuple[int, Mapping[str, str]]]) -> list[Row]:
    """An alias's channels."""
    sent_as = any(_type(said) == _SENT_AS for _, said in ids)
    wanted = (_SENT_AS,) if sent_as else _TALKGROUPS
    names = {"label": alias.get("name", "").strip(), "group": alias.get("group", "").strip()}
    names = {name: text for name, text in names.items() if text}
    rows: list[Row] = []
    for line, said in ids:
        kind = _type(said)
        if why := _NO_CHANNELS.get(kind):
            rows.append(Refused(line, why))
        elif kind in wanted:
            number = said.get("value", "")
            channel = talkgroup(number)
            if channel is None:
                rows.append(Refused(line, f"{number[:40]!r} is no talkgroup's number"))
            else:
                rows.append(Found(line, channel, alias.get("list", "").strip(), names))
    return rows


def _type(said: Mapping[str, str]) -> str:
    """The type of an id, which older playlists have as `xsi:type`."""
    return said.get("type") or said.get("xsi:type") or ""
