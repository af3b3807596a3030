"""What is signed for every request is what any Ed25519 makes, and a wrong key file is refused with a sentence."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.signing import SEED, SigningKey


@given(seed=st.binary(min_size=SEED, max_size=SEED), message=st.binary(max_size=2000))
def test_key_and_signature_are_those_that_openssl_makes(seed: bytes, message: bytes) -> None:
    ours, theirs = SigningKey(seed), Ed25519PrivateKey.from_private_bytes(seed)
    assert ours.public == theirs.public_key().public_bytes_raw()
    assert ours.sign(message) == theirs.sign(message)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_file_that_is_no_seed_is_refused_by_the_name_of_its_setting(tmp_path: Path, length: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * length)
    with pytest.raises(ValueError, match=r"NI_SOME_KEY_FILE: .* must hold 32 raw bytes"):
        SigningKey.read(path, "NI_SOME_KEY_FILE")
