"""What keys, sessions and stream tokens are worth at a moment."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from shared import signed
from shared.api_key import KeyRecord, digest, new_key, well_formed
from shared.errors import Unavailable
from shared.key_set import KeySet
from shared.keys import ENVIRONMENT, OPEN, Credential, Limit
from shared.signed import Claims
from tests.support.access import NOON, made

NOW = NOON.timestamp()
SECRET = bytes(range(32))


def keys(*records: KeyRecord, environment: str = "") -> KeySet:
    return KeySet(environment, {record.id: record for record in records}, SECRET)


def worth(found: KeySet, key: str, now: float = NOW) -> Credential:
    credential = found.of_key(key, now)
    assert credential is not None
    return credential


# --- how a key looks ---


def test_a_key_is_recognized_and_a_typing_error_is_not() -> None:
    key = new_key()
    assert key.startswith("ebk_")
    assert well_formed(key)
    other = "A" if key[20] != "A" else "B"
    assert not well_formed(key[:20] + other + key[21:])
    assert not well_formed(key[:-1])
    assert not well_formed("correct horse")


def test_no_two_keys_are_alike_and_none_is_kept() -> None:
    found = {new_key() for _ in range(100)}
    assert len(found) == 100
    key, record = made("read")
    assert record.sha256 == digest(key)
    assert key[4:20] not in repr(record)


def test_secrets_are_not_shown() -> None:
    assert "correct horse" not in repr(keys(environment="correct horse"))
    assert repr(SECRET) not in repr(keys())


# --- keys ---


def test_without_any_key_nothing_is_locked() -> None:
    assert not KeySet().locked
    assert not KeySet(secret=SECRET).locked
    assert KeySet("key").locked
    assert KeySet(damaged=True).locked


def test_a_revoked_and_an_expired_key_keep_the_system_locked() -> None:
    _, revoked = made("read", revoked=NOON)
    assert keys(revoked).locked


def test_several_keys_count_at_once() -> None:
    (one, first), (two, second) = made("read", id="1"), made("ingest", id="2")
    both = keys(first, second, environment="third")
    assert worth(both, one).scopes == {"read"}
    assert worth(both, two).scopes == {"ingest"}
    assert worth(both, "third").may(["admin"])
    assert both.of_key("fourth", NOW) is None
    assert both.of_key("", NOW) is None


def test_an_empty_key_is_never_one() -> None:
    assert keys(made("read")[1]).of_key("", NOW) is None


def test_a_key_ends_at_its_moment() -> None:
    key, record = made("read", expires=NOON + timedelta(seconds=10))
    found = keys(record)
    assert worth(found, key, NOW + 9.9)
    assert found.of_key(key, NOW + 10) is None


def test_a_revoked_key_is_worth_nothing() -> None:
    key, record = made("read", revoked=NOON)
    assert keys(record).of_key(key, NOW) is None


# --- sessions ---


def test_a_session_is_worth_what_its_key_is() -> None:
    key, record = made("read", limits=(Limit(source="county"),))
    found = keys(record)
    token, begun = found.begin_session(worth(found, key), 60, NOW)
    session = found.of_session(token, NOW + 59)
    assert session == begun
    assert session
    assert (session.key, session.scopes, session.limits) == (record.id, {"read"}, record.limits)
    assert found.of_session(token, NOW + 60) is None
    assert key not in token


def test_every_replica_knows_a_session() -> None:
    key, record = made("read")
    one, other = keys(record), keys(record)
    token, _ = one.begin_session(worth(one, key), 60, NOW)
    assert other.of_session(token, NOW)
    assert replace(other, secret=bytes(32)).of_session(token, NOW) is None
    assert replace(other, secret=b"").of_session(token, NOW) is None


def test_a_session_of_the_environments_key_needs_nothing_but_that_key() -> None:
    one = KeySet("correct horse")
    token, _ = one.begin_session(worth(one, "correct horse"), 60, NOW)
    assert KeySet("correct horse").of_session(token, NOW)
    assert KeySet("another").of_session(token, NOW) is None
    assert KeySet(records={"x": made("read")[1]}).of_session(token, NOW) is None


def test_a_session_ends_with_its_key() -> None:
    key, record = made("read", expires=NOON + timedelta(seconds=10))
    found = keys(record)
    token, _ = found.begin_session(worth(found, key), 60, NOW)
    assert found.of_session(token, NOW + 9)
    assert found.of_session(token, NOW + 10) is None
    revoked = keys(replace_record(record, revoked=NOON))
    assert revoked.of_session(token, NOW) is None


def test_a_session_that_was_signed_out_of_is_over() -> None:
    key, record = made("read")
    found = keys(record)
    token, begun = found.begin_session(worth(found, key), 60, NOW)
    over = replace(found, signed_out={begun.session: NOW + 60})
    assert over.of_session(token, NOW) is None
    assert over.ended(begun, NOW) == "signed-out"
    assert over.of_key(key, NOW)


def test_without_what_signs_there_is_no_session() -> None:
    key, record = made("read")
    found = KeySet(records={record.id: record})
    with pytest.raises(Unavailable):
        found.begin_session(worth(found, key), 60, NOW)


def test_what_was_signed_cannot_be_changed_or_made() -> None:
    key, record = made("read")
    found = keys(record)
    token, begun = found.begin_session(worth(found, key), 60, NOW)
    claims = Claims(key=ENVIRONMENT, session=begun.session, expires=NOW + 1e9)
    forged = (
        signed.sign(claims, "session", SECRET).partition(".")[0] + "." + token.partition(".")[2]
    )
    # The environment's key is not set: what would sign for it can be guessed, and counts nothing.
    guessed = signed.sign(claims, "session", signed.derived(""))
    for bad in (forged, guessed, token + "x", token[:-1], "", ".", "x.y", "ä.ö", token.upper()):
        assert found.of_session(bad, NOW) is None


# --- stream tokens ---


def test_a_stream_token_reads_and_has_its_keys_limits() -> None:
    key, record = made("admin", limits=(Limit(source="county"),))
    found = keys(record)
    filters = (("source", "county"), ("type", "segment"))
    token, expires = found.stream_token(worth(found, key), filters, 60, NOW)
    assert expires == NOW + 60
    given = found.of_stream_token(token, NOW)
    assert given
    assert (given.scopes, given.limits, given.filters) == ({"read"}, record.limits, filters)
    assert not given.may(["ingest"])
    assert found.of_stream_token(token, NOW + 60) is None


def test_a_token_and_a_session_are_not_taken_for_each_other() -> None:
    key, record = made("read")
    found = keys(record)
    session, begun = found.begin_session(worth(found, key), 60, NOW)
    token, _ = found.stream_token(begun, (), 60, NOW)
    assert found.of_session(token, NOW) is None
    assert found.of_stream_token(session, NOW) is None


def test_a_token_ends_with_the_session_that_asked_for_it() -> None:
    key, record = made("read")
    found = keys(record)
    _, begun = found.begin_session(worth(found, key), 60, NOW)
    token, expires = found.stream_token(begun, (), 3600, NOW)
    assert expires == NOW + 60
    over = replace(found, signed_out={begun.session: NOW + 60})
    assert over.of_stream_token(token, NOW) is None


# --- the end of what counted ---


def test_why_something_counts_no_more() -> None:
    key, record = made("read", "ingest", expires=NOON + timedelta(seconds=10))
    found = keys(record)
    credential = worth(found, key)
    assert found.ended(credential, NOW) is None
    assert found.ended(credential, NOW + 10) == "expired"
    assert keys().ended(credential, NOW) == "revoked"
    assert keys(replace_record(record, revoked=NOON)).ended(credential, NOW) == "revoked"
    assert keys(replace_record(record, scopes=("read",))).ended(credential, NOW) == "revoked"
    wider = replace_record(record, limits=(Limit(source="metro"),))
    assert keys(wider).ended(credential, NOW) == "revoked"
    assert keys(replace_record(record, expires=NOON)).ended(credential, NOW) == "expired"


def test_the_first_key_ends_what_everybody_had() -> None:
    assert KeySet().ended(OPEN, NOW) is None
    assert KeySet("key").ended(OPEN, NOW) == "locked"


def replace_record(record: KeyRecord, **changes: object) -> KeyRecord:
    return msgspec.structs.replace(record, **changes)
