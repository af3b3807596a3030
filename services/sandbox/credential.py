"""Which credential a request came with, whatever form it was sent in: enough to recognise it, too little to use it."""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import orjson

_AWS = b"AWS4-HMAC-SHA256 Credential="
_KEYS = (b"x-api-key", b"api-key", b"x-goog-api-key")


def veiled(value: bytes) -> str:
    """A secret as the log holds it."""
    return f"sha256:{hashlib.sha256(value).hexdigest()[:12]}"


def told(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Veiled: a key or token itself; of a signature the access key's id; of a token that a service account signed
    its address and the id of its key. Empty where nothing was sent.
    """
    found = {name.lower(): value for name, value in headers}
    for name in _KEYS:
        if value := found.get(name):
            return veiled(value)
    given = found.get(b"authorization", b"")
    if given.startswith(_AWS):
        return veiled(given.removeprefix(_AWS).partition(b"/")[0])
    if token := given.partition(b" ")[2]:
        return veiled(_signer(token) or token)
    return ""


def _signer(token: bytes) -> bytes:
    """`<address> <key id>` of a JSON Web Token (RFC 7519), b"" of anything else."""
    try:
        header, claims, _ = (base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)) for part in token.split(b"."))
        return f"{orjson.loads(claims)['iss']} {orjson.loads(header)['kid']}".encode()
    except (ValueError, KeyError, TypeError, binascii.Error):
        return b""
