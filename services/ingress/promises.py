"""The promise that goes with an answer: a record of this request will be in the log."""

import time
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.tlog.note import VerifierKey
from libs.tlog.promise import KEY_NAME, Promise, message

HEADER: Final = "x-ni-custody-promise"
_SEED: Final = 32


class Promises:
    """Signs with the edge's own key. Without one nothing is promised, and nothing is said of it."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._private = None if seed is None else Ed25519PrivateKey.from_private_bytes(seed)
        self.key: VerifierKey | None = None
        self._key_id = b""
        if self._private is not None:
            public = self._private.public_key().public_bytes_raw()
            self.key = VerifierKey(name=KEY_NAME, public_key=public)
            self._key_id = self.key.id

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """The key in a file: 32 raw bytes, an Ed25519 seed. Raises ValueError and OSError with a sentence."""
        seed = None if path is None else path.read_bytes()
        if seed is not None and len(seed) != _SEED:
            raise ValueError(f"NI_PROMISE_KEY_FILE: {path} must hold 32 raw bytes, an Ed25519 seed")
        return cls(seed)

    def headers(self, request_id: str, request_hash: bytes) -> dict[str, str]:
        """The header of an answer that is being given now; none without a key or a request that was read."""
        if self._private is None or not request_hash:
            return {}
        at_ms = time.time_ns() // 1_000_000
        signature = self._private.sign(message(request_id, request_hash, at_ms))
        promise = Promise(at_ms=at_ms, request_hash=request_hash, key_id=self._key_id, signature=signature)
        return {HEADER: str(promise)}
