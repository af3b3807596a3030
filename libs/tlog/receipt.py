"""Receipts: a `.tlog-proof` that carries the record of a request and its salt; read, believed or refused by name."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.tlog.merkle import includes, leaf_hash
from libs.tlog.policy import Policy
from libs.tlog.proof import Proof
from libs.tlog.refusals import Reason, Refused

_DOMAIN: Final = b"ni-custody/v1\0"
_VERSION: Final = 1
_MEMBERS: Final = 3
_LARGEST: Final = 4 << 20  # bytes
_DEEPEST: Final = 32
_LARGEST_INTEGER: Final = (1 << 53) - 1  # what every reader of JSON keeps
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def commitment(salt: bytes, record: bytes) -> bytes:
    """The entry of the log: 32 bytes from which nothing can be told without the salt."""
    return hashlib.sha256(_DOMAIN + salt + record).digest()


def extra(salt: bytes, record: bytes) -> bytes:
    """What a receipt carries beside the proof. `record`: canonical JSON."""
    return orjson.dumps({"record": record.decode(), "salt": salt.hex(), "v": _VERSION}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Believed:
    """What holds, now that the proof was checked: place, tree, and the witnesses' times by the policy's names."""

    origin: str
    index: int
    size: int
    root: bytes
    witnesses: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """A proof with the record it is of. Nothing in it is believed before `verify`."""

    proof: Proof
    salt: bytes
    text: bytes  # the record as it was committed to
    record: Mapping[str, Any]

    @classmethod
    def read(cls, raw: bytes) -> "Receipt":
        """A file's content. Raises Refused."""
        if len(raw) > _LARGEST:
            raise _malformed("the file is larger than a receipt may be")
        try:
            proof = Proof.read(raw.decode())
        except UnicodeDecodeError:
            raise _malformed("the file is not text, so it is no receipt") from None
        if proof.extra is None:
            raise _malformed("the proof carries no record: it has no extra line")
        said = _canonical(proof.extra)
        salt, text, version = said.get("salt"), said.get("record"), said.get("v")
        if len(said) != _MEMBERS or version != _VERSION or version is True:
            raise _malformed("the proof carries no record and salt of version 1")
        if not isinstance(salt, str) or not _HASH.fullmatch(salt) or not isinstance(text, str):
            raise _malformed("the salt is 64 hex digits, the record a string")
        record = text.encode()
        return cls(proof=proof, salt=bytes.fromhex(salt), text=record, record=_canonical(record))

    @property
    def request_id(self) -> str:
        """Empty where the record does not say."""
        found = self.record.get("request_id")
        return found if isinstance(found, str) else ""

    def verify(self, policy: Policy) -> Believed:
        """Where the log holds this very record, by a checkpoint that the policy accepts. Raises Refused."""
        proof = self.proof
        head, seen = policy.open(proof.checkpoint)
        if not includes(proof.index, head.size, leaf_hash(commitment(self.salt, self.text)), proof.path, head.root):
            raise Refused(Reason.NOT_INCLUDED, "the log does not hold this record with this salt where the proof says")
        return Believed(origin=head.origin, index=proof.index, size=head.size, root=head.root, witnesses=seen)

    def is_of(self, request_id: str) -> None:
        """Nothing, where the receipt is of that request. Raises Refused."""
        if self.request_id != request_id:
            raise Refused(Reason.OTHER_REQUEST, "the receipt is of another request than the one asked for")

    def has_request(self, body: bytes) -> None:
        """Nothing, where this is the body as the gateway received it, to the byte. Raises Refused."""
        self._compare("request_received", body, Reason.REQUEST_DIFFERS, "the request that the gateway received", None)

    def has_response(self, body: bytes) -> None:
        """Nothing, where this is the body as it was delivered, to the byte. Raises Refused."""
        delivery = self.record.get("delivery")
        size = delivery.get("bytes") if isinstance(delivery, dict) else None
        self._compare("response_delivered", body, Reason.RESPONSE_DIFFERS, "the response that was delivered", size)

    def _compare(self, name: str, body: bytes, reason: Reason, what: str, size: object) -> None:
        hashes = self.record.get("hashes")
        stated = hashes.get(name) if isinstance(hashes, dict) else None
        if not isinstance(stated, str) or not _HASH.fullmatch(stated):
            raise Refused(Reason.NOT_STATED, f"the record has no hash of {what}")
        if hmac.compare_digest(hmac.digest(self.salt, body, "sha256"), bytes.fromhex(stated)):
            return
        more = f": it had {size} bytes, the file has {len(body)}" if isinstance(size, int) and size != len(body) else ""
        raise Refused(reason, f"the file is not {what}{more}")


def _canonical(raw: bytes) -> dict[str, Any]:
    """A JSON object in its one spelling (RFC 8785; integers alone, names in ASCII). Raises Refused.

    Other spellings are refused, so that no two readers see two things: of a name twice, one takes the first.
    """
    try:
        said = orjson.loads(raw)
        if isinstance(said, dict) and _is_plain(said, 0) and orjson.dumps(said, option=orjson.OPT_SORT_KEYS) == raw:
            return said
    except ValueError:
        pass
    raise _malformed("what the receipt carries is not canonical JSON")


def _is_plain(value: object, depth: int) -> bool:
    match value:
        case dict() | list() if depth >= _DEEPEST:
            return False
        case dict():
            return all(name.isascii() and _is_plain(each, depth + 1) for name, each in value.items())
        case list():
            return all(_is_plain(each, depth + 1) for each in value)
        case int() if not isinstance(value, bool):
            return abs(value) <= _LARGEST_INTEGER
        case _:
            return not isinstance(value, float)


def _malformed(sentence: str) -> Refused:
    return Refused(Reason.MALFORMED_RECEIPT, sentence)
