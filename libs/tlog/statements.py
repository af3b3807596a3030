"""What a record carries that others than the log have signed: its workers' statements, and the promise beside it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.tlog import testimony
from libs.tlog.note import VerifierKey
from libs.tlog.promise import Promise
from libs.tlog.refusals import Reason, Refused

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE: Final = re.compile(r"(?:[0-9a-f]{2})*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """A worker's statement that is what its key signed. `key`: 32 bytes, Ed25519; whose it is, is another question."""

    key: bytes
    said: Mapping[str, Any]

    def __str__(self) -> str:
        endpoint = self.said.get("endpoint")
        host = endpoint.get("host") if isinstance(endpoint, Mapping) else None
        return f"{self.said.get('node')} called {host}, signed by {self.key.hex()}"


def stated(record: Mapping[str, Any]) -> Sequence[Stated]:
    """The signed statements of a record, each checked and of this very request. Raises Refused.

    `bad_signature`: changed since it was signed; `other_request`: truly signed, of another request than the record.
    """
    hops = record.get("hops")
    found = [
        _checked(hop)
        for hop in (hops if isinstance(hops, list) else [])
        if isinstance(hop, dict) and hop.get("role") == "worker" and hop.get("signature") is not None
    ]
    if any(each.said.get("request_id") != record.get("request_id") for each in found):
        raise Refused(Reason.OTHER_REQUEST, "a worker's statement in the record is of another request")
    return found


def _checked(hop: Mapping[str, Any]) -> Stated:
    key, signature = hop.get("public_key"), hop["signature"]
    written = isinstance(key, str) and _KEY.fullmatch(key) and isinstance(signature, str)
    if not written or not _SIGNATURE.fullmatch(signature) or not isinstance(hop.get("statement"), dict):
        raise Refused(Reason.NOT_STATED, "a worker's statement in the record cannot be read")
    return Stated(said=testimony.verify(hop), key=bytes.fromhex(hop["public_key"]))


def by_workers(statements: Sequence[Stated], keys: Collection[bytes]) -> None:
    """Nothing, where there are statements, and all are by these keys. Raises Refused."""
    if not statements:
        raise Refused(Reason.NOT_STATED, "the record carries no statement that a worker signed")
    if any(each.key not in keys for each in statements):
        raise Refused(Reason.UNKNOWN_KEY, "a worker's statement is signed by another key than those that are trusted")


def kept(record: Mapping[str, Any], promise: Promise, key: VerifierKey) -> None:
    """Nothing, where this record is the one that was promised, by that key. Raises Refused."""
    request_id, hashes = record.get("request_id"), record.get("hashes")
    promise.verify(request_id if isinstance(request_id, str) else "", key)
    received = hashes.get("request_received") if isinstance(hashes, Mapping) else None
    if received is None:
        raise Refused(Reason.NOT_STATED, "the record has no hash of the request that was promised to be on record")
    if received != promise.request_hash.hex():
        raise Refused(Reason.REQUEST_DIFFERS, "the record is of another request than the one that was promised")
