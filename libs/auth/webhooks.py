"""Signed webhooks (standardwebhooks.com): the secret of each account derived from one key, and the signature."""

import base64
import hmac
from typing import Final

_PREFIX: Final = "whsec_"


def signing_secret(key: bytes, tenant: str, version: int) -> str:
    """The secret of an account's webhook: shown when it is set, stored nowhere; a new `version` makes it a new one."""
    derived = hmac.digest(key, f"northern-inference webhook|{tenant}|{version}".encode(), "sha256")
    return _PREFIX + base64.b64encode(derived).decode()


def signature(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature`, beside `webhook-id` and `webhook-timestamp` (Unix seconds)."""
    raw = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(raw, signed, "sha256")).decode()
