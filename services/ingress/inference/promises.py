"""The promise that goes with an answer: a record of this request will be in the log."""

import time
from pathlib import Path
from typing import Final, Self

from libs.tlog.note import VerifierKey
from libs.tlog.promise import KEY_NAME, Promise, message
from libs.tlog.signing import SigningKey

HEADER: Final = "x-ni-custody-promise"


class Promises:
    """Signs with the edge's own key. Without one nothing is promised, and nothing is said of it."""

    def __init__(self, private: SigningKey | None = None) -> None:
        self._private = private
        self.key = None if private is None else VerifierKey(name=KEY_NAME, public_key=private.public)
        self._key_id = b"" if self.key is None else self.key.id

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """The key in a file: 32 raw bytes, an Ed25519 seed. Raises ValueError and OSError with a sentence."""
        return cls(None if path is None else SigningKey.read(path, "NI_PROMISE_KEY_FILE"))

    def headers(self, request_id: str, request_hash: bytes) -> dict[str, str]:
        """The header of an answer that is being given now; none without a key or a request that was read."""
        if self._private is None or not request_hash:
            return {}
        at_ms = time.time_ns() // 1_000_000
        signature = self._private.sign(message(request_id, request_hash, at_ms))
        promise = Promise(at_ms=at_ms, request_hash=request_hash, key_id=self._key_id, signature=signature)
        return {HEADER: str(promise)}
