"""The statement of a worker as its record carries it: what is signed, and whether it is."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.tlog.refusals import Reason, Refused

DOMAIN: Final = b"ni-worker/v1\0"  # stands before the statement's canonical JSON (RFC 8785)


def verify(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The statement of `{statement, public_key, signature}`, the last two in hex. Raises Refused.

    That the key is a worker's of this street is another question: compare it with the one that the operator publishes.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(said["public_key"]))
        signature = bytes.fromhex(said["signature"])
        signed = orjson.dumps(dict(said["statement"]), option=orjson.OPT_SORT_KEYS)
    except (KeyError, TypeError, ValueError):
        raise Refused(Reason.NOT_STATED, "the record carries no statement that a worker signed") from None
    try:
        key.verify(signature, DOMAIN + signed)
    except InvalidSignature:
        raise Refused(Reason.BAD_SIGNATURE, "the worker's statement is not what its key signed") from None
    statement: Mapping[str, Any] = said["statement"]
    return statement
