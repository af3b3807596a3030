"""Promises of inclusion: what the edge signs with an answer, so that a record that never comes can be proved missing.

`v=1, at=1795272865864, request="<64 hex>", key="<8 hex>", signature=:<base64>:`, a dictionary of RFC 9651. `at` is Unix
time in milliseconds, `request` the salted hash of the request that its record has, `key` the id of the promise key.
"""

import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature

from libs.tlog.note import VerifierKey, decoded, encoded
from libs.tlog.refusals import Reason, Refused

KEY_NAME: Final = "ni-promise"
_LONGEST: Final = 512
_FORM: Final = re.compile(
    r'v=1, at=([0-9]{1,15}), request="([0-9a-f]{64})", key="([0-9a-f]{8})", signature=:([A-Za-z0-9+/=]{88}):', re.ASCII
)
_SENTENCE: Final = "a promise is written as the header x-ni-custody-promise has it"


def message(request_id: str, request_hash: bytes, at_ms: int) -> bytes:
    """What is signed: four lines, the last with its end."""
    return f"ni-custody-promise/v1\n{request_id}\n{request_hash.hex()}\n{at_ms}\n".encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """That a record of the request will be in the log."""

    at_ms: int
    request_hash: bytes
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return (
            f'v=1, at={self.at_ms}, request="{self.request_hash.hex()}", key="{self.key_id.hex()}", '
            f"signature=:{encoded(self.signature)}:"
        )

    @classmethod
    def read(cls, text: str) -> "Promise":
        """What `str` wrote. Raises Refused."""
        found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None:
            raise Refused(Reason.MALFORMED_PROMISE, _SENTENCE)
        try:
            signature = decoded(found[4])
        except ValueError:
            raise Refused(Reason.MALFORMED_PROMISE, _SENTENCE) from None
        return cls(
            at_ms=int(found[1]),
            request_hash=bytes.fromhex(found[2]),
            key_id=bytes.fromhex(found[3]),
            signature=signature,
        )

    def verify(self, request_id: str, key: VerifierKey) -> None:
        """Nothing, where that key promised it for that request. Raises Refused."""
        if key.id != self.key_id:
            raise Refused(Reason.UNKNOWN_KEY, "the promise is signed by another key than the one that is trusted")
        try:
            key.verify(message(request_id, self.request_hash, self.at_ms).decode(), self.signature)
        except InvalidSignature:
            raise Refused(Reason.BAD_SIGNATURE, "the promise is not what the key signed for that request") from None
