"""Settings: one documented struct per concern, read from environment variables.

A variable's name is `ECHOBASE_` and the field's name in capitals, unless the field names others
(`names`): the first is the one we document, the rest are older names that keep working. `.env` in
the working directory is read too; the environment wins. A bad value raises SettingError with one
line that names the variable, the value and what is allowed.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_type_hints
from urllib.parse import urlsplit

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

from shared.errors import SettingError
from shared.settings_access import AccessSettings
from shared.settings_base import Port, Settings
from shared.settings_base import meta as _meta
from shared.settings_batching import BatchingSettings
from shared.settings_guards import GuardSettings
from shared.settings_history import HistorySettings
from shared.settings_keeping import KeepingSettings
from shared.settings_limits import LimitSettings
from shared.settings_local import LocalSettings
from shared.settings_watch import WatchSettings
from shared.settings_webhooks import WebhookSettings

S = TypeVar("S", bound="Settings")

Bytes = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


def _path(value: str) -> str:
    path = value.strip("/")
    if path and not re.fullmatch(r"[A-Za-z0-9_~-]+(/[A-Za-z0-9_~-]+)*", path):
        raise ValueError("allowed are letters, digits, `_`, `-` and `~`, with `/` between them")
    return f"/{path}" if path else ""


def _key(value: str) -> str:
    # No header can carry a line's end, and nobody can type what does not print.
    if not value.isprintable():
        raise ValueError("allowed are characters that print")
    return value


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        good = known and not parts.query and not parts.fragment
    except ValueError:  # such as a port that is no number
        good = False
    if not good:
        raise ValueError("allowed is an address such as `https://radio.example.org`")
    return value.rstrip("/")


def _subjects(value: str) -> str:
    found = [each.strip() for each in value.split(",")]
    if not all(
        re.fullmatch(r"echobase\.events(\.([A-Za-z0-9_-]+|\*))*(\.>)?", each) for each in found
    ):
        raise ValueError("allowed are subjects such as `echobase.events.county.>`")
    return ",".join(found)


class SiteSettings(Settings, frozen=True, kw_only=True):
    """What every service of a site shares."""

    bind: Annotated[
        str, _meta("Address to listen on; beyond loopback only with a key", "ECHOBASE_BIND")
    ] = "127.0.0.1"
    api_key: Annotated[
        str,
        _meta(
            "Key that both HTTP services ask for; none if empty",
            "ECHOBASE_API_KEY",
            "FLASK_API_KEY",
            secret=True,
            read=_key,
        ),
    ] = ""
    base_path: Annotated[
        str,
        _meta(
            "Path in front of every route, such as `/radio`",
            "ECHOBASE_BASE_PATH",
            "FLASK_BASE_PATH",
            read=_path,
        ),
    ] = ""
    data: Annotated[Path, _meta("Folder for what must outlive a process")] = Path("data")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _meta("Least severe log record shown")
    ] = "info"
    log_format: Annotated[Literal["json", "text"], _meta("Form of the log")] = "json"
    grace: Annotated[
        float, Meta(ge=0), _meta("Seconds that a service may take to end politely")
    ] = 30.0


class NatsSettings(Settings, frozen=True, kw_only=True):
    """Where the bus is."""

    nats_url: Annotated[str, _meta("Servers, separated by commas")] = "nats://127.0.0.1:4222"
    nats_user: Annotated[str, _meta("User name; none if empty")] = ""
    nats_password: Annotated[str, _meta("Password", secret=True)] = ""
    nats_replicas: Annotated[Literal[1, 3, 5], _meta("Copies of each stream on a NATS cluster")] = 1
    ack_wait: Annotated[
        float,
        Meta(ge=1),
        _meta("Seconds without a sign of life after which another worker gets a job"),
    ] = 30.0


class StoreSettings(Settings, frozen=True, kw_only=True):
    """Where the S3 store is."""

    store_url: Annotated[str, _meta("Address of the S3 store")] = "http://127.0.0.1:8333"
    store_access_key: Annotated[str, _meta("Access key", secret=True)] = ""
    store_secret_key: Annotated[str, _meta("Secret key", secret=True)] = ""
    store_bucket: Annotated[str, _meta("Bucket")] = "echobase"
    store_region: Annotated[str, _meta("Region; most stores ignore it")] = "us-east-1"


class IngestSettings(Settings, frozen=True, kw_only=True):
    """How recordings are taken in."""

    ingest_port: Annotated[Port, _meta("Port of ingest")] = 3001
    ingest_public_url: Annotated[
        str,
        _meta("Address at which callers reach ingest; from bind and port if empty", read=_address),
    ] = ""
    max_upload_bytes: Annotated[Bytes, _meta("Largest accepted audio file, in bytes")] = (
        500 * 1024**2
    )
    submit_inline_bytes: Annotated[
        int,
        # Base64 makes four bytes of three, and the stream's largest message holds it all.
        Meta(ge=0, le=600 * 1024),
        _meta("Largest audio file within a message to SUBMIT, in bytes"),
    ] = 512 * 1024
    max_duration: Annotated[Seconds, _meta("Longest accepted recording, in seconds")] = 4 * 3600.0
    spool_max_bytes: Annotated[Bytes, _meta("Most that the spool may hold, in bytes")] = 5 * 1024**3
    spool_min_free_bytes: Annotated[
        Bytes, _meta("Disk space that the spool leaves free, in bytes")
    ] = 256 * 1024**2
    spool_keep: Annotated[
        Seconds, _meta("Seconds for which a forwarded recording stays in the spool")
    ] = 600.0


class TranscriberSettings(Settings, frozen=True, kw_only=True):
    """How speech is recognised."""

    transcriber_port: Annotated[Port, _meta("Port of the transcriber's health checks")] = 3002
    whisper_model_name: Annotated[
        str,
        _meta(
            "Model: `demo` (bundled, small vocabulary), a name of faster-whisper's or a folder",
            "WHISPER_MODEL_NAME",
        ),
    ] = "medium.en"
    whisper_language: Annotated[
        str, _meta("ISO 639-1 code; detected if empty", "WHISPER_LANGUAGE")
    ] = ""
    whisper_initial_prompt: Annotated[
        str, _meta("Text that sets spelling and style", "WHISPER_INITIAL_PROMPT")
    ] = ""
    whisper_device: Annotated[
        Literal["auto", "cpu", "cuda"], _meta("Where the model runs", "WHISPER_DEVICE")
    ] = "auto"
    whisper_compute_type: Annotated[
        str,
        _meta(
            "CTranslate2's compute type; `auto` is int8 on a CPU and float16 on a GPU",
            "WHISPER_COMPUTE_TYPE",
        ),
    ] = "auto"
    whisper_beam_size: Annotated[
        int,
        Meta(ge=0, le=20),
        _meta("Beams of the decoder; the model's own if 0", "WHISPER_BEAM_SIZE"),
    ] = 0
    model_folder: Annotated[Path, _meta("Folder in which models fetched from the hub are kept")] = (
        Path("models")
    )
    offline: Annotated[bool, _meta("Never ask the hub for a model")] = False
    fetch_for_jobs: Annotated[
        bool, _meta("Whether a job's `model` may be fetched from the hub, gigabytes and all")
    ] = False
    threads: Annotated[int, Meta(ge=0), _meta("Threads of the model; by the cores if 0")] = 0
    longest_chunk: Annotated[
        float,
        Meta(ge=0, le=30),
        _meta("Longest piece of audio decoded at once, in seconds; the model's own if 0"),
    ] = 0.0
    window_margin: Annotated[
        float,
        Meta(ge=-1, le=30),
        _meta(
            "The encoder sees the chunk and so many seconds more; the model's own if -1, "
            "its whole window if 30"
        ),
    ] = -1.0
    search_from: Annotated[
        float,
        Meta(ge=-1),
        _meta(
            "A shorter recording is not searched for speech but decoded whole, in seconds; the "
            "model's own if -1, 0 to search all"
        ),
    ] = -1.0
    attempts: Annotated[
        int, Meta(ge=1), _meta("Attempts at a job before it goes to the dead letters")
    ] = 5
    retry_first: Annotated[Seconds, _meta("Seconds before the second attempt; then doubled")] = 1.0
    retry_longest: Annotated[Seconds, _meta("Seconds; no wait between attempts is longer")] = 60.0


class StreamSettings(Settings, frozen=True, kw_only=True):
    """How events reach browsers."""

    stream_port: Annotated[
        Port,
        _meta(
            "Port of the page and of the events", "ECHOBASE_STREAM_PORT", "FLASK_PORT", "API_PORT"
        ),
    ] = 3000
    public_url: Annotated[
        str,
        _meta("Address at which browsers reach stream; from bind and port if empty", read=_address),
    ] = ""
    heartbeat: Annotated[
        float, Meta(gt=0), _meta("Seconds between comments on a quiet event stream")
    ] = 15.0
    ring_events: Annotated[
        int, Meta(ge=1), _meta("Latest events kept in memory, for readers that come back")
    ] = 20_000
    rotate: Annotated[
        float,
        Meta(ge=0),
        _meta(
            "Seconds after which an event stream ends and its reader comes back, "
            "a fifth more or less; 0 for never"
        ),
    ] = 600.0
    subjects: Annotated[
        str,
        _meta(
            "Subjects that may be followed by name, with NATS' `*` and `>`, separated by commas",
            read=_subjects,
        ),
    ] = "echobase.events.*.*.*.*.segment,echobase.events.*.*.*.*.completed"


class TelemetrySettings(Settings, frozen=True, kw_only=True):
    """Where traces and metrics go."""

    otlp_endpoint: Annotated[
        str,
        _meta(
            "OTLP/HTTP receiver; no telemetry if empty",
            "ECHOBASE_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ] = ""


ALL: tuple[type[Settings], ...] = (
    SiteSettings,
    NatsSettings,
    StoreSettings,
    IngestSettings,
    WatchSettings,
    LimitSettings,
    TranscriberSettings,
    BatchingSettings,
    GuardSettings,
    StreamSettings,
    HistorySettings,
    WebhookSettings,
    AccessSettings,
    KeepingSettings,
    TelemetrySettings,
    LocalSettings,
)

IGNORED = {
    "FLASK_ENV": "there is one mode",
    "API_ENV": "there is one mode",
    "DATABASE_URL": "there is no database to configure",
    "POSTGRES_USER": "there is no database to configure",
    "POSTGRES_PASSWORD": "there is no database to configure",
    "POSTGRES_DB": "there is no database to configure",
    "REDIS_URL": "NATS took its place: ECHOBASE_NATS_URL",
}
"""Variables of the old system that no longer do anything, and why: each is warned of at start."""


@dataclass(frozen=True)
class Variable:
    """One setting as the documentation shows it."""

    names: tuple[str, ...]
    """The variable's name, then older ones that keep working."""
    description: str
    default: str
    secret: bool
    field: str
    read: Callable[[str], str]
    """Gives a value its one form; raises ValueError, which says what is allowed."""


def environment(folder: Path | None = None) -> dict[str, str]:
    """The process's environment over the `.env` of a folder (the working directory's if None)."""
    found = dotenv_values((folder or Path.cwd()) / ".env")
    return {k: v for k, v in found.items() if v is not None} | dict(os.environ)


def load(kind: type[S], env: Mapping[str, str]) -> S:
    """The settings of one concern.

    An empty variable counts as unset. Raises SettingError.
    """
    given: dict[str, object] = {}
    for variable in variables(kind):
        for name in variable.names:
            if value := env.get(name, "").strip():
                given[variable.field] = _convert(kind, variable, name, value)
                break
    return kind(**given)


def warnings(env: Mapping[str, str]) -> list[str]:
    """A line for each variable of the old system that is set and does nothing."""
    return [f"{name} is ignored: {why}" for name, why in IGNORED.items() if env.get(name)]


def variables(kind: type[Settings]) -> Iterator[Variable]:
    """The variables of one concern, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    for info in msgspec.structs.fields(kind):
        described = next(
            m for m in hints[info.name].__metadata__ if isinstance(m, Meta) and m.extra
        )
        extra = described.extra or {}
        default = info.default
        yield Variable(
            names=extra["names"] or (f"ECHOBASE_{info.name.upper()}",),
            description=described.description or "",
            default="" if default in ("", None) else str(default),
            secret=bool(extra["secret"]),
            field=info.name,
            read=extra["read"],
        )


def _convert(kind: type[Settings], variable: Variable, name: str, value: str) -> object:
    hint = get_type_hints(kind, include_extras=True)[variable.field]
    try:
        return msgspec.convert(variable.read(value), hint, strict=False, dec_hook=_decode)
    except ValueError as error:  # msgspec's is one too
        shown = name if variable.secret else f"{name}={value!r}"
        raise SettingError(f"{shown} is not allowed: {error}") from None


def _decode(kind: type[Path], value: object) -> Path:
    """Of the types that settings have, the one that msgspec does not know."""
    return kind(str(value)).expanduser()


def public_url(configured: str, bind: str, port: int, base_path: str) -> str:
    """The address that callers are told: the configured one, or that of the socket.

    The base path is added, unless the configured one ends with it.
    """
    # Both have that name, and a page's security policy cannot name an IPv6 address.
    host = "localhost" if bind in ("127.0.0.1", "::1") else bind
    if ":" in host:
        host = f"[{host}]"
    root = (configured or f"http://{host}:{port}").rstrip("/")
    return root.removesuffix(base_path) + base_path
