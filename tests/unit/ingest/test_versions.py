"""Version numbers."""

import asyncio

import msgspec

from services.ingest.versions import Claim, claim
from shared import object_keys
from shared.memory_store import MemoryStore
from shared.messages import Correction, Options, VersionRequest, decode, encode
from tests.support.ingest import entry

AUDIO = b"audio"
PLAIN = entry(AUDIO)
WORDS = entry(AUDIO, options=Options(words=True))


async def test_the_first_is_number_one_and_its_own_again_after_a_crash() -> None:
    store = MemoryStore()
    assert await claim(store, PLAIN) == Claim(1, ours=True)
    assert await claim(store, PLAIN) == Claim(1, ours=True)
    key = object_keys.request(PLAIN.recording.id, 1)
    assert decode(store.objects[key], VersionRequest) == PLAIN.request(1)


async def test_equal_options_are_the_existing_version_whoever_asks() -> None:
    store = MemoryStore()
    await claim(store, PLAIN)
    later = entry(AUDIO, lane="urgent", minute=5)
    assert await claim(store, later) == Claim(1, ours=False)


async def test_other_options_are_the_next_version() -> None:
    store = MemoryStore()
    await claim(store, PLAIN)
    assert await claim(store, WORDS) == Claim(2, ours=True)
    assert await claim(store, WORDS) == Claim(2, ours=True)
    assert await claim(store, entry(AUDIO, options=Options(language="de"))) == Claim(3, ours=True)


async def test_numbers_go_on_after_a_version_that_nobody_asked_for() -> None:
    store = MemoryStore()
    await claim(store, PLAIN)
    await store.put(object_keys.transcript(PLAIN.recording.id, 10), b"{}")
    await store.put(object_keys.request(PLAIN.recording.id, 11), b"of a later release")
    assert await claim(store, WORDS) == Claim(12, ours=True)


async def test_a_correction_is_nobodys_transcription() -> None:
    store = MemoryStore()
    await claim(store, WORDS)
    by_hand = msgspec.structs.replace(
        PLAIN.request(2), correction=Correction(base=1, segments=[], key="k")
    )
    await store.put(object_keys.request(PLAIN.recording.id, 2), encode(by_hand))
    assert await claim(store, PLAIN) == Claim(3, ours=True)


async def test_two_at_once_agree() -> None:
    store = MemoryStore()
    others = [entry(AUDIO, options=Options(prompt=str(n % 3)), minute=n) for n in range(12)]
    claims = await asyncio.gather(*(claim(store, each) for each in others))
    numbers = {
        each.options.prompt: claimed.version for each, claimed in zip(others, claims, strict=True)
    }
    assert sorted(numbers.values()) == [1, 2, 3]
    assert sum(claimed.ours for claimed in claims) == 3
    for each, claimed in zip(others, claims, strict=True):
        assert claimed.version == numbers[each.options.prompt]


async def test_the_time_of_a_claim_is_kept_to_the_microsecond() -> None:
    # It tells one's own claim from another's.
    received = PLAIN.recording.received.replace(microsecond=123_457)
    exact = msgspec.structs.replace(
        PLAIN, recording=msgspec.structs.replace(PLAIN.recording, received=received)
    )
    store = MemoryStore()
    await claim(store, exact)
    assert await claim(store, exact) == Claim(1, ours=True)
    assert await claim(store, PLAIN) == Claim(1, ours=False)
