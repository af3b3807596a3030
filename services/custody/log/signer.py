"""The seam of the log's key: two calls, so that it may live in a file today and in a vendor's KMS tomorrow."""

import hashlib
from pathlib import Path
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.tlog.note import VerifierKey

_SEED_BYTES: Final = 32
_DOMAIN: Final = "northern-inference.local"


class Signer(Protocol):
    """An Ed25519 key."""

    def public_key(self) -> bytes:
        """32 bytes."""

    async def sign(self, message: bytes) -> bytes:
        """64 bytes. Raises SigningFailed: asked again, later."""


class SigningFailed(Exception):
    """The key cannot be used right now."""


class FileSigner:
    """The key in a file: 32 raw bytes, an Ed25519 seed."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ValueError and OSError with a sentence."""
        seed = path.read_bytes()
        if len(seed) != _SEED_BYTES:
            raise ValueError(f"NI_LOG_KEY_FILE: {path} must hold 32 raw bytes, an Ed25519 seed")
        return cls(seed)

    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    async def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def verifier_key(signer: Signer, origin: str) -> VerifierKey:
    """The log's key under its name. Without a name of the operator's own it is called after the key itself."""
    public = signer.public_key()
    own = f"{_DOMAIN}/{hashlib.sha256(public).hexdigest()[:8]}"
    return VerifierKey(name=origin or own, public_key=public)
