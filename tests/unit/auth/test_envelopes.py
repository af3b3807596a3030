"""Envelopes: they open where they belong and nowhere else, and survive another key-encryption key."""

import os
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.auth.envelopes import (
    CannotOpen,
    KeyRing,
    Place,
    new_ring,
    open_credential,
    open_envelope,
    place_of,
    read_ring,
    retired,
    rewrap,
    seal,
    turned,
    write_ring,
)
from libs.auth.records import ByokRecord, Envelope

RING = new_ring(os.urandom)
HERE = Place(tenant="t_a", provider="openai", version=3)
SECRET = b"sk-canary-0123456789"


@given(st.binary(max_size=5000))
def test_what_is_sealed_opens_again(secret: bytes) -> None:
    assert open_envelope(RING, HERE, seal(RING, HERE, secret, os.urandom)) == secret


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place(tenant="t_b", provider="openai", version=3),
        Place(tenant="t_a", provider="azure", version=3),
        Place(tenant="t_a", provider="openai", version=4),
    ],
)
def test_an_envelope_moved_to_another_place_does_not_open(elsewhere: Place) -> None:
    envelope = seal(RING, HERE, SECRET, os.urandom)
    with pytest.raises(CannotOpen):
        open_envelope(RING, elsewhere, envelope)
    with pytest.raises(CannotOpen):
        rewrap(turned(RING, os.urandom), elsewhere, envelope, os.urandom)


@given(st.data())
def test_a_changed_envelope_does_not_open(data: st.DataObject) -> None:
    envelope = seal(RING, HERE, SECRET, lambda size: b"7" * size)  # the same each time: what is drawn depends on it
    name = data.draw(st.sampled_from(["wrapped_key", "ciphertext"]))
    text = getattr(envelope, name)
    place = data.draw(st.integers(0, len(text) - 3))  # the padding's bits say nothing
    other = data.draw(st.sampled_from("ABCxyz012+/").filter(lambda char: char != text[place]))
    changed = envelope.model_copy(update={name: text[:place] + other + text[place + 1 :]})
    with pytest.raises(CannotOpen):
        open_envelope(RING, HERE, changed)


@pytest.mark.parametrize("text", ["", "!", "AAAA", "é"])
def test_nonsense_does_not_open(text: str) -> None:
    envelope = Envelope(kek=RING.current, wrapped_key=text, ciphertext=text)
    with pytest.raises(CannotOpen):
        open_envelope(RING, HERE, envelope)


def test_two_secrets_of_one_account_do_not_open_with_each_others_key() -> None:
    one, two = (seal(RING, HERE, SECRET, os.urandom) for _ in range(2))
    with pytest.raises(CannotOpen):
        open_envelope(RING, HERE, one.model_copy(update={"wrapped_key": two.wrapped_key}))


def test_after_a_rotation_the_secret_is_wrapped_anew_and_the_old_key_may_go() -> None:
    envelope = seal(RING, HERE, SECRET, os.urandom)
    both = turned(RING, os.urandom)
    assert both.current != RING.current
    assert open_envelope(both, HERE, envelope) == SECRET
    fresh = rewrap(both, HERE, envelope, os.urandom)
    alone = retired(both)
    assert (fresh.kek, list(alone.keys)) == (both.current, [both.current])
    assert fresh.ciphertext == envelope.ciphertext
    assert open_envelope(alone, HERE, fresh) == SECRET
    with pytest.raises(CannotOpen, match="not on the ring"):
        open_envelope(alone, HERE, envelope)


def test_the_file_of_a_ring_is_read_as_it_was_written_the_current_key_first() -> None:
    ring = turned(turned(RING, os.urandom), os.urandom)
    again = read_ring(write_ring(ring))
    assert (again.current, dict(again.keys)) == (ring.current, dict(ring.keys))


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"kek-1", b"kek-1 00", b"k " + b"0" * 63, b"\xff " + b"0" * 64, (b"k " + b"0" * 64 + b"\n") * 2],
)
def test_what_is_no_ring_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="current one first"):
        read_ring(raw)


def test_neither_ring_nor_envelope_shows_its_secrets() -> None:
    envelope = seal(RING, HERE, SECRET, os.urandom)
    for shown in (repr(RING), repr(envelope), str(envelope)):
        assert RING.keys[RING.current].hex() not in shown
        assert envelope.wrapped_key not in shown
    assert SECRET not in orjson.dumps(envelope.model_dump())


def test_a_record_opens_to_the_credentials_members() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    envelope = seal(RING, HERE, b'{"api_key":"sk-1"}', os.urandom)
    record = ByokRecord(
        tenant="t_a", provider="openai", version=3, last4="sk-1", envelope=envelope, created=now, updated=now
    )
    assert place_of(record) == HERE
    assert open_credential(RING, record) == {"api_key": "sk-1"}
    stolen = record.model_copy(update={"tenant": "t_b"})
    with pytest.raises(CannotOpen):
        open_credential(KeyRing(current=RING.current, keys=RING.keys), stolen)
