"""A keyed digest is HMAC-SHA-256, whatever comes in whatever pieces."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.digests import KeyedDigest


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=6))
def test_it_is_the_standard_librarys(key: bytes, pieces: list[bytes]) -> None:
    digest, theirs = KeyedDigest(key), hmac.new(key, digestmod="sha256")
    for piece in pieces:
        digest.update(piece)
        theirs.update(piece)
        assert digest.digest() == theirs.digest()
    assert digest.digest() == hmac.digest(key, b"".join(pieces), "sha256")


def test_a_key_that_would_have_to_be_hashed_first_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        KeyedDigest(bytes(65))


def test_the_vector_of_rfc_4231() -> None:
    """Test case 2, a key shorter than the block."""
    digest = KeyedDigest(b"Jefe")
    digest.update(b"what do ya want ")
    digest.update(b"for nothing?")
    assert digest.digest().hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
