"""Keys: their form, their checksum, their digest."""

import hashlib
import hmac
import os
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.auth.keys import GATEWAY, INFERENCE, PATTERN, checksum_ok, digest, last4, mint, prefix_of, read_pepper

BASE62 = string.digits + string.ascii_letters
PREFIXES = st.sampled_from([GATEWAY, INFERENCE])


def seeded(data: bytes) -> str:
    """A key from given bytes: repeated, so that `mint` never runs dry."""
    return mint(GATEWAY, lambda n: (data * n)[:n])


@given(PREFIXES)
def test_a_minted_key_has_the_published_form_and_checks(prefix: str) -> None:
    key = mint(prefix, os.urandom)
    assert PATTERN.fullmatch(key)
    assert len(key) == len(prefix) + 38
    assert checksum_ok(key)
    assert (prefix_of(key), last4(key)) == (prefix, key[-4:])


@given(PREFIXES, st.integers(min_value=0), st.characters())
def test_any_one_changed_character_is_refused(prefix: str, at: int, other: str) -> None:
    key = mint(prefix, os.urandom)
    at %= len(key)
    changed = key[:at] + other + key[at + 1 :]
    assert checksum_ok(changed) == (changed == key)


def test_every_base62_change_at_every_place_is_refused() -> None:
    key = seeded(b"\x00\x3d\x7f")
    changes = [key[:at] + c + key[at + 1 :] for at in range(len(key)) for c in BASE62 if c != key[at]]
    assert not any(map(checksum_ok, changes))


@given(st.text())
def test_anything_else_is_refused_without_raising(text: str) -> None:
    assert not checksum_ok(text)


@pytest.mark.parametrize("tail", ["\n", " ", "\x00", "a"])
def test_nothing_may_follow_or_lead(tail: str) -> None:
    key = mint(INFERENCE, os.urandom)
    assert not checksum_ok(key + tail)
    assert not checksum_ok(tail + key)


def test_the_checksum_is_crc32_in_base62_as_published() -> None:
    key = seeded(b"\x00")
    assert key[:40] == "ni_live_" + "0" * 32
    number = 0
    for character in key[40:]:
        number = number * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(character)
    assert number == zlib.crc32(key[:40].encode())


def test_bytes_that_would_favour_some_digits_are_passed_over() -> None:
    assert seeded(b"\xff\x00") == seeded(b"\x00")


def test_the_digest_is_hmac_sha256_in_hex() -> None:
    pepper, key = b"p" * 32, mint(GATEWAY, os.urandom)
    assert digest(pepper, key) == hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()
    assert digest(b"q" * 32, key) != digest(pepper, key)


def test_a_pepper_is_taken_as_it_is_and_never_short() -> None:
    pepper = b"\n" + os.urandom(30) + b" "
    assert read_pepper(pepper) == pepper
    with pytest.raises(ValueError, match="32 bytes"):
        read_pepper(pepper[1:])
