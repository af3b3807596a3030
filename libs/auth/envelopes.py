"""Secrets at rest: each under a key of its own (AES-256-GCM), and that key under the deployment's key-encryption key.

Tenant, provider and version are authenticated with both, so an envelope moved to another account, another provider or
an older version does not open. Pure: who opens envelopes in production is the worker alone.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.auth.records import ByokRecord, Envelope

RandomBytes = Callable[[int], bytes]

_KEY: Final = 32
_NONCE: Final = 12  # bytes; NIST SP 800-38D §8.2.2: random, far below 2^32 uses of any one key
_LINE: Final = re.compile(r"([A-Za-z0-9_-]{1,32}) ([0-9a-f]{64})", re.ASCII)
_MOST_KEYS: Final = 16


class CannotOpen(ValueError):
    """The envelope is not of this account, provider and version, was changed, or its key-encryption key is gone."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class KeyRing:
    """Key-encryption keys by id: `current` seals, all of them open."""

    current: str
    keys: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Whose secret it is: what an envelope is bound to."""

    tenant: str
    provider: str
    version: int

    def bound(self, kind: str) -> bytes:
        return "|".join((kind, self.tenant, self.provider, str(self.version))).encode()


def read_ring(raw: bytes) -> KeyRing:
    """A ring as its file holds it: a line `<id> <64 hex digits>` each, the current key first. Raises ValueError."""
    found = [_LINE.fullmatch(line) for line in raw.decode("ascii", "replace").splitlines() if line.strip()]
    keys = {match[1]: bytes.fromhex(match[2]) for match in found if match}
    if not found or None in found or len(keys) != len(found) or len(keys) > _MOST_KEYS:
        raise ValueError("a key-encryption file has a line `<id> <64 hex digits>` for each key, the current one first")
    return KeyRing(current=next(iter(keys)), keys=keys)


def write_ring(ring: KeyRing) -> bytes:
    """The file's content."""
    ids = (ring.current, *(each for each in ring.keys if each != ring.current))
    return "".join(f"{each} {ring.keys[each].hex()}\n" for each in ids).encode()


def new_ring(random_bytes: RandomBytes) -> KeyRing:
    """A ring with one fresh key."""
    fresh = f"kek-{random_bytes(4).hex()}"
    return KeyRing(current=fresh, keys={fresh: random_bytes(_KEY)})


def turned(ring: KeyRing, random_bytes: RandomBytes) -> KeyRing:
    """The ring with a fresh current key; the ones before still open. Raises ValueError where there are too many."""
    if len(ring.keys) >= _MOST_KEYS:
        raise ValueError(f"there are {_MOST_KEYS} keys on the ring already; retire the earlier ones first")
    fresh = new_ring(random_bytes)
    return KeyRing(current=fresh.current, keys={**fresh.keys, **ring.keys})


def retired(ring: KeyRing) -> KeyRing:
    """The ring with its current key alone: what was sealed under the others is lost unless it was wrapped again."""
    return KeyRing(current=ring.current, keys={ring.current: ring.keys[ring.current]})


def seal(ring: KeyRing, place: Place, secret: bytes, random_bytes: RandomBytes) -> Envelope:
    """The secret under a fresh key."""
    key = random_bytes(_KEY)
    return Envelope(
        kek=ring.current,
        wrapped_key=_encrypt(ring.keys[ring.current], key, place.bound(f"key|{ring.current}"), random_bytes),
        ciphertext=_encrypt(key, secret, place.bound("secret"), random_bytes),
    )


def open_envelope(ring: KeyRing, place: Place, envelope: Envelope) -> bytes:
    """The secret. Raises CannotOpen."""
    return _decrypt(_unwrapped(ring, place, envelope), envelope.ciphertext, place.bound("secret"))


def rewrap(ring: KeyRing, place: Place, envelope: Envelope, random_bytes: RandomBytes) -> Envelope:
    """The same secret, its key under the current key-encryption key; the secret is not touched. Raises CannotOpen."""
    key = _unwrapped(ring, place, envelope)
    wrapped = _encrypt(ring.keys[ring.current], key, place.bound(f"key|{ring.current}"), random_bytes)
    return envelope.model_copy(update={"kek": ring.current, "wrapped_key": wrapped})


def place_of(record: ByokRecord) -> Place:
    return Place(tenant=record.tenant, provider=record.provider, version=record.version)


def open_credential(ring: KeyRing, record: ByokRecord) -> Mapping[str, str]:
    """An account's credential, member by member (docs/byok.md). Raises CannotOpen; keep it in memory alone."""
    found: dict[str, str] = orjson.loads(open_envelope(ring, place_of(record), record.envelope))
    return found


def _unwrapped(ring: KeyRing, place: Place, envelope: Envelope) -> bytes:
    kek = ring.keys.get(envelope.kek)
    if kek is None:
        raise CannotOpen("the key-encryption key of this envelope is not on the ring")
    return _decrypt(kek, envelope.wrapped_key, place.bound(f"key|{envelope.kek}"))


def _encrypt(key: bytes, plain: bytes, bound: bytes, random_bytes: RandomBytes) -> str:
    nonce = random_bytes(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound)).decode()


def _decrypt(key: bytes, text: str, bound: bytes) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], bound)
    except (InvalidTag, binascii.Error, ValueError):
        raise CannotOpen("the envelope does not open: it belongs elsewhere, or was changed") from None
