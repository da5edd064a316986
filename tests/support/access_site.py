"""Both services with keys, and a way to try each of their routes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import httpx
import msgspec

from services.ingest.entry import Refused
from shared.bus import Bus
from shared.identity import recording_id
from shared.messages import Options
from shared.s3_store import S3Store
from shared.subjects import token
from tests.support import audio_files
from tests.support.calls import Call
from tests.support.ingest import Ingest, entry
from tests.support.matrix import Kind, Probe
from tests.support.stream import Running, reading

ROOT = "echobase root key"
"""`ECHOBASE_API_KEY`."""
Headers = Mapping[str, str]
RADIO: Mapping[str, str] = {"county": "7", "metro": "8"}
"""The radio systems of sources, which have numbers; their talkgroups are 701 and 801."""
_HOLD = {"by": "a test", "why": "to look"}


@dataclass
class Site:
    """Both services, and what they stand on."""

    stream: Running
    ingest: Ingest
    bus: Bus
    store: S3Store
    made: int = 0

    async def recording(self, source: str, channel: str, *, told: bool = False) -> str:
        """A recording with a transcript; its id. `told`: its events are there too."""
        call = Call(self.bus, source, channel)
        await call.store_recording(self.store)
        await call.store_request(self.store)
        await call.store_transcript(self.store, "words")
        if told:
            await call.whole("words")
        return call.recording

    async def spooled(self, source: str, channel: str, *, refused: bool = False) -> str:
        """An entry of the spool; its recording's id, or, if it was refused, its key."""
        self.made += 1
        content = f"audio {self.made}".encode()
        plain = entry(content)
        recording = msgspec.structs.replace(
            plain.recording, source=source, channel=channel, id=f"{self.made:032x}"
        )
        async with self.ingest.spool.receive() as audio:
            await audio.write(content)
            await audio.finish()
            kept = msgspec.structs.replace(plain, recording=recording)
            held, _ = await self.ingest.spool.keep(audio, kept)
        if not refused:
            return recording.id
        why = Refused(code="store-refused", reason="too odd", time=datetime.now(UTC))
        await self.ingest.spool.refuse(held, why)
        return held.entry.key

    def plain(
        self, http: httpx.AsyncClient, kind: Kind, method: str, path: str, json: object = None
    ) -> Probe:
        """A request; `{id}` in its path is a recording that is made for it."""

        async def ask(source: str, channel: str, headers: Headers) -> httpx.Response:
            id = await self.recording(source, channel) if "{id}" in path else ""
            url = path.replace("{id}", id)
            return await http.request(method, url, json=json, headers=dict(headers))

        return Probe(kind, ask)

    async def follow(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Open an event stream, and leave."""
        query = urlencode({"source": source, "channel": channel})
        async with reading(self.stream.http, query, headers=headers) as reader:
            return reader.response

    async def follow_subject(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Open an event stream by its subject, and leave."""
        subject = f"echobase.events.{token(source)}.{token(channel)}.*.*.segment"
        path = f"/v1/subjects/{subject}/events"
        async with self.stream.http.stream("GET", path, headers=dict(headers)) as response:
            return response

    async def upload(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Send a recording, as a form and as a bare body in turn."""
        self.made += 1
        content = audio_files.wav(0.1, pitch=300 + self.made)
        names, given = {"source": source, "channel": channel}, dict(headers)
        http, path = self.ingest.http, "/v1/recordings"
        if self.made % 2:
            return await http.post(path, content=content, params=names, headers=given)
        files = {"file": ("call.wav", content)}
        return await http.post(path, files=files, data=names, headers=given)

    async def transcribe(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Send a recording as to OpenAI, whose words are known already."""
        return await self._speak("/v1/audio/transcriptions", Options(), source, channel, headers)

    async def translate(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """The same, to be translated."""
        options = Options(task="translate")
        return await self._speak("/v1/audio/translations", options, source, channel, headers)

    async def _speak(
        self, path: str, options: Options, source: str, channel: str, headers: Headers
    ) -> httpx.Response:
        self.made += 1
        content = audio_files.wav(0.1, pitch=300 + self.made)
        sha256 = hashlib.sha256(content).hexdigest()
        recording = recording_id(source, channel, None, sha256)
        call = Call(self.bus, source, channel, recording=recording)
        await call.store_request(self.store, options=options)
        await call.store_transcript(self.store, "words")
        names = {"source": source, "channel": channel, "model": "whisper-1"}
        files = {"file": ("call.wav", content)}
        http = self.ingest.http
        return await http.post(path, files=files, data=names, headers=dict(headers))

    async def rdio(self, source: str, _channel: str, headers: Headers) -> httpx.Response:
        """Send a call as to rdio-scanner, with the key in the form or in a header in turn."""
        return await self._call("/api/call-upload", source, headers)

    async def trunk_recorder(self, source: str, _channel: str, headers: Headers) -> httpx.Response:
        """The same with trunk-recorder's JSON."""
        return await self._call("/api/trunk-recorder-call-upload", source, headers)

    async def openmhz(self, source: str, _channel: str, headers: Headers) -> httpx.Response:
        """The same as to OpenMHz."""
        return await self._call(f"/openmhz/{RADIO[source]}/upload", source, headers)

    async def authorize(self, source: str, _channel: str, headers: Headers) -> httpx.Response:
        """Ask as of OpenMHz whether the key is right."""
        key = {"api_key": headers.get("X-API-Key", "")}
        path = f"/openmhz/{RADIO[source]}/authorize"
        return _by_its_key(await self.ingest.http.post(path, data=key))

    async def _call(self, path: str, source: str, headers: Headers) -> httpx.Response:
        self.made += 1
        content = audio_files.wav(0.1, pitch=300 + self.made)
        system = RADIO[source]
        talkgroup = f"{system}01"
        inside = self.made % 2
        key = headers.get("X-API-Key", "") if inside else ""
        fields = {
            "system": system,
            "talkgroup": talkgroup,
            "talkgroup_num": talkgroup,
            "dateTime": "1772366400",
            "key": key,
            "api_key": key,
        }
        field = "call" if "openmhz" in path else "audio"
        files = {field: ("call.mp3", content)}
        given = {} if inside else dict(headers)
        return _by_its_key(
            await self.ingest.http.post(path, data=fields, files=files, headers=given)
        )

    async def look_for(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Ask for a spooled recording."""
        id = await self.spooled(source, channel)
        return await self.ingest.http.get(f"/v1/spool/{id}", headers=dict(headers))

    async def retry(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Try a refused recording again."""
        key = await self.spooled(source, channel, refused=True)
        url = f"/v1/spool/refused/{key}/retry"
        return await self.ingest.http.post(url, headers=dict(headers))

    async def drop(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Drop a refused recording."""
        key = await self.spooled(source, channel, refused=True)
        return await self.ingest.http.delete(f"/v1/spool/refused/{key}", headers=dict(headers))

    async def look_at_hold(self, source: str, channel: str, headers: Headers) -> httpx.Response:
        """Ask who holds a recording."""
        url = f"/v1/recordings/{await self.recording(source, channel)}/hold"
        held = await self.ingest.http.put(url, json=_HOLD, headers={"X-API-Key": ROOT})
        assert held.is_success
        return await self.ingest.http.get(url, headers=dict(headers))

    def on_channel(self, method: str, json: object = None) -> Probe:
        """A request about a channel of which something is said."""

        async def ask(source: str, channel: str, headers: Headers) -> httpx.Response:
            path = f"/v1/channels/{quote(source, safe='')}/{quote(channel, safe='')}"
            given = {"X-API-Key": ROOT}
            there = await self.ingest.http.put(path, json={"label": "A"}, headers=given)
            assert there.is_success
            return await self.ingest.http.request(method, path, json=json, headers=dict(headers))

        return Probe("upload", ask)


def _by_its_key(answer: httpx.Response) -> httpx.Response:
    """An answer of OpenMHz' words as the status that they stand for."""
    refused = ("API Key", "does not exist", "Invalid System Name")
    return httpx.Response(401) if any(text in answer.text for text in refused) else answer


def probes(site: Site) -> Mapping[str, Probe]:
    """How each route is tried. A new route gets its line here."""
    here, there, plain = site.stream.http, site.ingest.http, site.plain
    one = "/v1/recordings/{id}"
    described = "/v1/recordings/{recording_id}"
    transcripts = {
        f"GET {described}/transcript.{form}": plain(
            here, "one", "GET", f"{one}/transcript.{form}?version=1"
        )
        for form in ("json", "txt", "srt", "vtt", "tsv")
    }
    return {
        **transcripts,
        "GET /v1/events": Probe("list", site.follow),
        "GET /v1/subjects/{subject}/events": Probe("list", site.follow_subject),
        "GET /v1/recordings": plain(here, "list", "GET", "/v1/recordings"),
        "GET /v1/channels": plain(here, "list", "GET", "/v1/channels"),
        f"GET {described}": plain(here, "one", "GET", one),
        f"GET {described}/versions": plain(here, "one", "GET", f"{one}/versions"),
        f"PATCH {described}/transcript": plain(
            here, "one", "PATCH", f"{one}/transcript", {"base": 1, "segments": []}
        ),
        "GET /v1/stats/wer": plain(here, "list", "GET", "/v1/stats/wer"),
        f"GET {described}/audio": plain(here, "one", "GET", f"{one}/audio"),
        "GET /v1/status": plain(here, "free", "GET", "/v1/status"),
        "POST /v1/stream-tokens": plain(here, "free", "POST", "/v1/stream-tokens", {}),
        "POST /session": plain(here, "public", "POST", "/session", {"key": ROOT}),
        "DELETE /session": plain(here, "public", "DELETE", "/session"),
        "POST /v1/recordings": Probe("upload", site.upload),
        "POST /v1/audio/transcriptions": Probe("upload", site.transcribe),
        "POST /v1/audio/translations": Probe("upload", site.translate),
        "GET /v1/models": plain(there, "free", "GET", "/v1/models"),
        "GET /v1/models/{name}": plain(there, "free", "GET", "/v1/models/whisper-1"),
        "POST /api/call-upload": Probe("call", site.rdio),
        "POST /api/trunk-recorder-call-upload": Probe("call", site.trunk_recorder),
        "POST /openmhz/{shortName}/upload": Probe("call", site.openmhz),
        "POST /openmhz/{shortName}/authorize": Probe("call", site.authorize),
        f"POST {described}/versions": plain(
            there, "one", "POST", f"{one}/versions", {"words": True}
        ),
        f"DELETE {described}": plain(there, "one", "DELETE", one),
        f"PUT {described}/hold": plain(there, "one", "PUT", f"{one}/hold", _HOLD),
        f"GET {described}/hold": Probe("one", site.look_at_hold),
        f"DELETE {described}/hold": plain(there, "one", "DELETE", f"{one}/hold"),
        "PUT /v1/channels/{source}/{channel}": site.on_channel("PUT", {"label": "B"}),
        "GET /v1/channels/{source}/{channel}": site.on_channel("GET"),
        "DELETE /v1/channels/{source}/{channel}": site.on_channel("DELETE"),
        "GET /v1/spool/{recording_id}": Probe("one", site.look_for),
        "GET /v1/spool": plain(there, "free", "GET", "/v1/spool"),
        "GET /v1/spool/refused": plain(there, "list", "GET", "/v1/spool/refused"),
        "POST /v1/spool/refused/{key}/retry": Probe("one", site.retry),
        "DELETE /v1/spool/refused/{key}": Probe("one", site.drop),
    }
