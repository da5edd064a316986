"""The pieces that decide: the signature, the verdict, the content, the filters, the settings."""

from datetime import UTC, datetime

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.stream.recordings import Links
from services.stream.webhooks import content, signature
from services.stream.webhooks.outcomes import posting_of, webhook_id
from services.stream.webhooks.posting import Answer
from services.stream.webhooks.receiver import check, new_secret
from services.stream.webhooks.verdict import Delivered, SwitchOff, decide
from shared import settings
from shared.bus import StoredMessage
from shared.envelope import EVENT_SUBJECT, ID, WEBHOOK_ID, dead_message, event_message
from shared.errors import BadInput, BadMessage, SettingError
from shared.messages import encode
from shared.of_recording import of_recording
from shared.retry import DeadLetter, RetryAfter
from shared.settings_webhooks import WebhookSettings
from tests.support import events
from tests.support.hooks import receiver

LINKS = Links("https://radio.example", "https://in.example")
WAITS = (5.0, 300.0)


def stored(**headers: str) -> StoredMessage:
    made = event_message(events.completed())
    return StoredMessage(made.subject, made.data, {**made.headers, **headers}, 7)


def test_the_official_library_verifies_every_secret_and_nothing_else() -> None:
    secrets, body = [new_secret(), new_secret()], '{"text": "Äußere Straße"}'.encode()
    now = datetime.now(UTC).timestamp()
    headers = dict(signature.headers("msg_1", now, body, secrets))
    for secret in secrets:
        Webhook(secret).verify(body, headers)
    for changed in (
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(now) - 1)},
        {"webhook-signature": headers["webhook-signature"].swapcase()},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(body, headers | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body + b" ", headers)


@pytest.mark.parametrize(
    ("answer", "attempt", "chance", "verdict"),
    [
        (Answer(200), 1, 0.0, Delivered()),
        (Answer(299), 9, 0.0, Delivered()),
        (Answer(302), 1, 0.0, RetryAfter(5)),
        (Answer(404), 1, 0.5, RetryAfter(5.5)),
        (Answer(problem="x"), 2, 1.0, RetryAfter(360)),
        (Answer(503, retry_after=60), 1, 0.0, RetryAfter(60)),
        (Answer(503, retry_after=1), 1, 0.0, RetryAfter(5)),
        (Answer(500, retry_after=60), 1, 0.0, RetryAfter(5)),
        (Answer(410), 1, 0.0, SwitchOff()),
        (Answer(410), 3, 0.0, SwitchOff()),
        (
            Answer(500),
            3,
            0.0,
            DeadLetter("webhook-failed", "3 attempts failed; at the last it answered 500"),
        ),
        (
            Answer(problem="it cannot be reached"),
            9,
            0.0,
            DeadLetter("webhook-failed", "9 attempts failed; at the last it cannot be reached"),
        ),
    ],
)
def test_what_is_done_after_a_post(
    answer: Answer, attempt: int, chance: float, verdict: object
) -> None:
    assert decide(answer, attempt, WAITS, chance) == verdict


def test_a_field_that_is_not_known_yet_is_posted_too() -> None:
    fields = content.event(encode(events.completed())) | {"label": "Fire West"}
    said = msgspec.json.decode(content.body(fields, "words", LINKS))
    assert said["data"]["label"] == "Fire West"
    assert said["data"]["metadata" if "metadata" in fields else "text"] is not None


@pytest.mark.parametrize("data", [b"", b"[]", b'"x"', b"\xff"])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        content.event(data)
    with pytest.raises(BadMessage, match="recording"):
        content.body({}, None, LINKS)


def test_an_event_has_one_id_however_often_it_is_posted() -> None:
    event = stored()
    assert webhook_id(event) == event.headers[ID]
    strange = stored(**{ID: "a.b"})
    assert webhook_id(strange) == webhook_id(strange)
    assert "." not in webhook_id(strange)
    assert webhook_id(strange) != webhook_id(stored(**{ID: "a.c"}))


def test_what_waits_for_a_receiver_is_of_its_recording_dead_or_alive() -> None:
    made = posting_of(stored(), "0a1b2c3d")
    waiting = StoredMessage(made.subject, made.data, made.headers, 9)
    letter = dead_message("stream", waiting, "webhook-failed", "x")
    for each in (waiting, letter):
        assert of_recording(each.subject, each.headers, each.data) == events.RECORDING
    assert of_recording(made.subject, {}, made.data) is None
    assert made.message_id == f"{made.headers[WEBHOOK_ID]}.0a1b2c3d"
    assert made.headers[EVENT_SUBJECT] == stored().subject


@pytest.mark.parametrize(
    ("filters", "wants"),
    [
        ((), True),
        ((("source", "county"), ("channel", "fire *")), True),
        ((("source", "city"),), False),
        ((("type", "failed"),), False),
        ((("filter", "source=city"), ("filter", "channel=fire%201")), True),
    ],
)
def test_a_receiver_wants_what_its_filters_say(
    filters: tuple[tuple[str, str], ...], wants: bool
) -> None:
    made = receiver("https://hooks.example/", *filters)
    assert made.wants(stored()) is wants
    off = msgspec.structs.replace(made, ended=datetime.now(UTC))
    assert not off.wants(stored())


def test_no_other_types_are_posted() -> None:
    assert check((("type", "failed"), ("source", "*")))
    with pytest.raises(BadInput, match="'segment' are not posted"):
        check((("type", "failed"), ("filter", "type=segment")))


def test_a_receiver_shows_no_secret() -> None:
    made = receiver("https://hooks.example/?token=hush", secrets=2)
    for shown in (repr(made), str(made), f"{[made]}", f"{ {made.id: made} }"):
        assert "whsec_" not in shown
        assert "hush" not in shown


def test_the_waits_are_read() -> None:
    given = settings.load(WebhookSettings, {})
    assert [round(each) for each in given.waits()] == [
        5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]  # fmt: skip
    quick = settings.load(WebhookSettings, {"ECHOBASE_WEBHOOK_RETRIES": " 0.2s, 1D"})
    assert quick.waits() == (0.2, 86_400.0)


@pytest.mark.parametrize("text", ["5", "5s,,", "x", "-1s", "10d,5d", "5w"])
def test_waits_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="ECHOBASE_WEBHOOK_RETRIES"):
        settings.load(WebhookSettings, {"ECHOBASE_WEBHOOK_RETRIES": text})
