"""Signed notes (https://c2sp.org/signed-note) and the cosignatures of witnesses (https://c2sp.org/tlog-cosignature)."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.tlog.refusals import Reason, Refused

_LARGEST: Final = 1 << 20  # bytes of a note
_MOST_SIGNATURES: Final = 100
_ID_BYTES: Final = 4
_KEY_BYTES: Final = 32
_TIME_BYTES: Final = 8
_LATEST: Final = (1 << 63) - 1
_DASH: Final = "— "


class Algorithm(IntEnum):
    """The signature types of which we know how they are made."""

    ED25519 = 0x01
    COSIGNATURE = 0x04  # Ed25519 with a time, by a witness


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierKey:
    """A name and a public key of 32 bytes, and what it signs."""

    name: str
    public_key: bytes
    algorithm: Algorithm = Algorithm.ED25519

    @property
    def id(self) -> bytes:
        material = b"%b\n%c%b" % (self.name.encode(), self.algorithm, self.public_key)
        return hashlib.sha256(material).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """`<name>+<id>+<key>`, as it is written in files and on pages."""
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.algorithm]) + self.public_key)}"

    @classmethod
    def read(cls, text: str) -> "VerifierKey":
        """What `str` wrote. Raises Refused."""
        name, _, rest = text.strip(" \t\r\n").partition("+")
        key_id, _, material = rest.partition("+")
        try:
            raw = decoded(material)
            key = cls(name=name, public_key=raw[1:], algorithm=Algorithm(raw[0]))
            own_id = key.id.hex()
        except (ValueError, IndexError):
            raise Refused(
                Reason.MALFORMED_KEY, "a key is written <name>+<id>+<base64>, and is an Ed25519 key"
            ) from None
        if not _is_name(name) or len(key.public_key) != _KEY_BYTES or own_id != key_id:
            raise Refused(Reason.MALFORMED_KEY, "the key and its id do not belong together")
        return key

    def verify(self, text: str, signature: bytes) -> int:
        """The time it was signed at, in Unix seconds; 0 where it does not say. Raises InvalidSignature."""
        key = Ed25519PublicKey.from_public_bytes(self.public_key)
        if self.algorithm is Algorithm.ED25519:
            key.verify(signature, text.encode())
            return 0
        if len(signature) < _TIME_BYTES:
            raise InvalidSignature
        (at,) = struct.unpack_from(">Q", signature)
        if at > _LATEST:
            raise InvalidSignature
        key.verify(signature[_TIME_BYTES:], cosigned(text, at))
        return int(at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The text of a note, and which of the keys asked for had signed it: by name, the time of each."""

    text: str
    signers: Mapping[str, int]


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def decoded(text: str) -> bytes:
    """Base64 in its one spelling. Raises ValueError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if encoded(raw) != text:
        raise ValueError("not base64 as it is written")
    return raw


def cosigned(text: str, at: int) -> bytes:
    """What a witness signs: the whole text, and the time in Unix seconds."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def signature_line(key: VerifierKey, signature: bytes, at: int = 0) -> str:
    """A line of a note. `signature`: of the text, or for a witness of `cosigned(text, at)`."""
    timed = struct.pack(">Q", at) if key.algorithm is Algorithm.COSIGNATURE else b""
    return f"{_DASH}{key.name} {encoded(key.id + timed + signature)}\n"


def parts(note: str) -> tuple[str, str]:
    """Text and signature lines, nothing verified. Raises Refused."""
    if len(note) > _LARGEST:
        raise Refused(Reason.MALFORMED_NOTE, "the note is larger than a note may be")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not text or not lines.endswith("\n"):
        raise Refused(Reason.MALFORMED_NOTE, "a note is a text, an empty line, and lines of signatures")
    if any(character < " " and character != "\n" for character in note):
        raise Refused(Reason.MALFORMED_NOTE, "a note has no control characters")
    return f"{text}\n", lines


def open_note(note: str, keys: Collection[VerifierKey]) -> Opened:
    """The note's text, if a key of `keys` signed it and none of their signatures is wrong. Raises Refused."""
    text, lines = parts(note)
    known = {(key.name, key.id): key for key in keys}
    signers: dict[str, int] = {}
    signatures = lines.split("\n")[:-1]
    if len(signatures) > _MOST_SIGNATURES:
        raise Refused(Reason.MALFORMED_NOTE, "the note has too many signatures")
    for line in signatures:
        name, key_id, signature = _signature(line)
        key = known.get((name, key_id))
        if key is None:
            continue
        try:
            signers[name] = key.verify(text, signature)
        except InvalidSignature:
            raise Refused(Reason.BAD_SIGNATURE, f"the signature of {name} is not of this text") from None
    if not signers:
        raise Refused(Reason.UNKNOWN_KEY, "no key that is trusted has signed the note")
    return Opened(text=text, signers=signers)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, value = line.removeprefix(_DASH).partition(" ")
    try:
        raw = decoded(value)
    except ValueError:
        raw = b""
    if not line.startswith(_DASH) or not _is_name(name) or len(raw) <= _ID_BYTES:
        raise Refused(Reason.MALFORMED_NOTE, "a signature is a dash, a name, and base64")
    return name, raw[:_ID_BYTES], raw[_ID_BYTES:]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)
