"""Browser sessions: an EdDSA token (RFC 8725: one algorithm, type, issuer and audience) and its CSRF token."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from libs.auth.records import Role, UserRecord
from libs.contracts.errors import InvalidSession

SESSION_S: Final = 15 * 60  # of one token
REFRESH_S: Final = 14 * 86_400  # of one sign-in, however often it is refreshed

_ISSUER: Final = "northern-inference"
_AUDIENCE: Final = "session"
_HEADER: Final = {"alg": "EdDSA", "typ": "ni-session+jwt", "kid": "session-1"}
_CLAIMS: Final = ("iss", "aud", "sub", "sid", "iat", "exp", "email", "role", "tenant")
_LONGEST: Final = 4096
_SKEW_S: Final = 60  # between the clocks of two replicas
_SEED: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Who a token speaks for; times are Unix seconds."""

    id: str
    user_id: str
    email: str
    role: Role
    tenant: str
    expires_at: int


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SessionKeys:
    """The signing key and what follows from it."""

    signing: Ed25519PrivateKey
    public: Ed25519PublicKey
    csrf: bytes


def read_keys(raw: bytes) -> SessionKeys:
    """Keys from their file: an Ed25519 seed (32 bytes, or 64 hex digits) or a PEM. Raises ValueError otherwise."""
    key = _signing(raw)
    csrf = hmac.digest(key.private_bytes_raw(), b"northern-inference csrf v1", hashlib.sha256)
    return SessionKeys(signing=key, public=key.public_key(), csrf=csrf)


def issue(keys: SessionKeys, user: UserRecord, *, session_id: str, now_s: int) -> tuple[str, str]:
    """A token for this user and the CSRF token that goes with it."""
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": user.id,
        "sid": session_id,
        "iat": now_s,
        "exp": now_s + SESSION_S,
        "email": user.email,
        "role": user.role.value,
        "tenant": user.tenant,
    }
    token = jwt.encode(claims, keys.signing, algorithm=_HEADER["alg"], headers=_HEADER)
    return token, csrf_token(keys.csrf, session_id)


def csrf_token(secret: bytes, session_id: str) -> str:
    """The token a page sends along with a change; of no use with any other session."""
    return hmac.digest(secret, session_id.encode(), hashlib.sha256).hex()


def verify(public: Ed25519PublicKey, token: str, *, now_s: int) -> Session:
    """The session a token stands for. Raises InvalidSession, expired and forged alike."""
    claims = _claims(public, token) if len(token) <= _LONGEST else None
    if claims is None or not (claims["iat"] - _SKEW_S <= now_s < claims["exp"] <= claims["iat"] + SESSION_S):
        raise InvalidSession("The session is over or not valid. Sign in again.")
    return Session(
        id=claims["sid"],
        user_id=claims["sub"],
        email=claims["email"],
        role=Role(claims["role"]),
        tenant=claims["tenant"],
        expires_at=claims["exp"],
    )


def _claims(public: Ed25519PublicKey, token: str) -> dict[str, Any] | None:
    try:
        # Exactly our header: no `alg` of the token's choosing, no key it brings along (`jku`, `x5u`, `jwk`), no `crit`.
        if jwt.get_unverified_header(token) != _HEADER:
            return None
        return jwt.decode(
            token,
            public,
            algorithms=[_HEADER["alg"]],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            # The times are judged above, by the clock that is passed in.
            options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except (jwt.PyJWTError, ValueError):
        return None


def _signing(raw: bytes) -> Ed25519PrivateKey:
    if raw.lstrip().startswith(b"-----BEGIN"):
        key = load_pem_private_key(raw, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("a session key is an Ed25519 key")
        return key
    seed = raw if len(raw) == _SEED else bytes.fromhex(raw.decode("ascii", "replace"))
    return Ed25519PrivateKey.from_private_bytes(seed)
