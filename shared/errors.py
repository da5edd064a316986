"""Every error that EchoBase raises on purpose.

    EchoBaseError
    ├── SettingError          a setting holds a value that is not allowed; ends the start
    ├── BadInput              the caller's mistake: names the field and the limit; 4xx
    │   ├── NotAudio          the bytes are no audio that we accept
    │   ├── TooLarge          more bytes, or a longer duration, than the limit
    │   ├── Unauthorized      the key is missing or wrong
    │   └── Forbidden         the key is right, and does not reach so far
    ├── TooManyRequests       more calls than the key may make; 429
    ├── Full                  no room to accept more; 507
    ├── Unavailable           transient: the same call may succeed later
    │   ├── BusUnavailable
    │   │   └── StreamFull    the stream, or its share for the subject, has no room for more
    │   └── StoreUnavailable
    ├── FenceLost             another writer owns this version now
    ├── DuplicateMessage      the stream holds a message with this id already
    └── CannotSucceed         trying again cannot help; ends in the dead letters
        ├── BadMessage        a message that does not decode
        ├── ObjectMissing     the object that a job names is not in the store
        ├── StoreRefused      the store refuses this object, whenever it is offered
        ├── ModelUnavailable  the speech model cannot be had
        │   └── ModelAway     not now, or not here: the hub may answer, or another worker have it
        ├── NotSupported      the speech model cannot do what the job asks for
        └── TooManyAttempts   every allowed attempt ended without an answer

Each has a `code`, a stable word for programs; `str()` is a sentence for people.
"""

from typing import ClassVar


class EchoBaseError(Exception):
    """The root of every error that EchoBase raises on purpose."""

    code: ClassVar[str] = "error"


class SettingError(EchoBaseError):
    """A setting holds a value that is not allowed."""

    code = "setting"


class BadInput(EchoBaseError):
    """The caller sent something that we cannot take.

    `field` names the part of the request at fault, `limit` what would have been allowed.
    """

    code = "bad-input"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, field: str, limit: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.limit = limit


class NotAudio(BadInput):
    """The bytes are no audio in a container that we accept."""

    code = "not-audio"
    status = 415


class TooLarge(BadInput):
    """The recording has more bytes, or lasts longer, than is allowed."""

    code = "too-large"
    status = 413


class Unauthorized(BadInput):
    """The key is missing or wrong."""

    code = "unauthorized"
    status = 401


class Forbidden(BadInput):
    """The key is right, and does not reach so far."""

    code = "forbidden"
    status = 403


class TooManyRequests(EchoBaseError):
    """More calls than the key may make; `retry_after` is in seconds."""

    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Full(EchoBaseError):
    """There is no room to keep another recording."""

    code = "full"


class Unavailable(EchoBaseError):
    """Something that we depend on is away; the same call may succeed later."""

    code = "unavailable"


class BusUnavailable(Unavailable):
    """NATS, or the stream that the call needs, is away."""

    code = "bus-unavailable"


class StreamFull(BusUnavailable):
    """The stream, or its share for the subject, has no room for more."""

    code = "stream-full"


class StoreUnavailable(Unavailable):
    """The S3 store is away."""

    code = "store-unavailable"


class FenceLost(EchoBaseError):
    """The subject holds a later message than the writer knows: another writer owns it now."""

    code = "fence-lost"


class DuplicateMessage(EchoBaseError):
    """The stream holds a message with this id already; nothing was stored."""

    code = "duplicate-message"


class CannotSucceed(EchoBaseError):
    """Trying again cannot help."""

    code = "cannot-succeed"


class BadMessage(CannotSucceed):
    """The message does not decode."""

    code = "bad-message"


class ObjectMissing(CannotSucceed):
    """The object is not in the store."""

    code = "object-missing"


class StoreRefused(CannotSucceed):
    """The store refuses this object, whenever it is offered."""

    code = "store-refused"


class ModelUnavailable(CannotSucceed):
    """The speech model cannot be had."""

    code = "model-unavailable"


class ModelAway(ModelUnavailable):
    """The speech model cannot be had now, or not here: trying again may help."""


class NotSupported(CannotSucceed):
    """The speech model cannot do what the job asks for."""

    code = "not-supported"


class TooManyAttempts(CannotSucceed):
    """Every allowed attempt ended without an answer."""

    code = "too-many-attempts"
