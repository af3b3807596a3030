"""Ed25519 signatures made for every request (RFC 8032); the door of nacl. `note` and `testimony` check."""

from pathlib import Path
from typing import Final, Self

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

SEED: Final = 32


class SigningKey:
    """A private key. `public`: 32 raw bytes."""

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    @classmethod
    def read(cls, path: Path, setting: str) -> Self:
        """The key in a file: 32 raw bytes, a seed. Raises OSError, or ValueError with a sentence."""
        seed = path.read_bytes()
        if len(seed) != SEED:
            raise ValueError(f"{setting}: {path} must hold 32 raw bytes, an Ed25519 seed")
        return cls(seed)

    def sign(self, message: bytes) -> bytes:
        """64 bytes, those that OpenSSL would make, in a third to a half of its time."""
        return crypto_sign(message, self._secret)[:crypto_sign_BYTES]
