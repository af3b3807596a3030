"""Session tokens: RFC 8725's attacks are refused, each as an invalid session."""

from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from libs.auth.records import Role, UserRecord
from libs.auth.sessions import SESSION_S, csrf_token, issue, read_keys, verify
from libs.contracts.errors import InvalidSession

NOW_S = 1_772_323_200
SEED = bytes(range(32))
KEYS = read_keys(SEED)
USER = UserRecord(
    id="u_a",
    email="a@b.c",
    role=Role.OWNER,
    tenant="t_a",
    password_hash="x",
    created=datetime.fromtimestamp(NOW_S, UTC),
)
TOKEN, CSRF = issue(KEYS, USER, session_id="s1", now_s=NOW_S)
HEADER = jwt.get_unverified_header(TOKEN)
CLAIMS: dict[str, Any] = jwt.decode(TOKEN, options={"verify_signature": False})
PUBLIC = KEYS.public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def signed(*, key: Ed25519PrivateKey = KEYS.signing, header: dict[str, Any] | None = None, **claims: Any) -> str:
    given = {k: v for k, v in (CLAIMS | claims).items() if v is not None}
    return jwt.encode(given, key, algorithm="EdDSA", headers=HEADER if header is None else header)


def refused(token: str, now_s: int = NOW_S) -> None:
    with pytest.raises(InvalidSession, match="Sign in again"):
        verify(KEYS.public, token, now_s=now_s)


def test_a_token_speaks_for_its_user_until_it_expires() -> None:
    session = verify(KEYS.public, TOKEN, now_s=NOW_S + SESSION_S - 1)
    assert (session.id, session.user_id, session.email) == ("s1", "u_a", "a@b.c")
    assert (session.role, session.tenant, session.expires_at) == (Role.OWNER, "t_a", NOW_S + SESSION_S)
    refused(TOKEN, NOW_S + SESSION_S)


def test_the_helper_of_these_tests_signs_a_good_token() -> None:
    assert verify(KEYS.public, signed(), now_s=NOW_S).id == "s1"


def test_no_algorithm_and_a_borrowed_one_are_refused() -> None:
    refused(jwt.encode(CLAIMS, "", algorithm="none", headers={k: v for k, v in HEADER.items() if k != "alg"}))
    refused(jwt.encode(CLAIMS, PUBLIC, algorithm="HS256", headers={"typ": HEADER["typ"], "kid": HEADER["kid"]}))


@pytest.mark.parametrize(
    "extra",
    [
        {"typ": "JWT"},
        {"kid": "../../dev/null"},
        {"kid": "session-2"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "OKP"}},
    ],
    ids=str,
)
def test_a_header_that_is_not_ours_is_refused(extra: dict[str, Any]) -> None:
    refused(signed(header=HEADER | extra))


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_a_token_without_one_of_the_claims_is_refused(claim: str) -> None:
    left: dict[str, Any] = {claim: None}
    refused(signed(**left))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "api"},
        {"aud": ["session", "api"], "iss": "someone"},
        {"exp": NOW_S},
        {"exp": NOW_S + SESSION_S + 1},
        {"iat": NOW_S + 61, "exp": NOW_S + 100},
    ],
    ids=str,
)
def test_a_token_for_others_or_another_time_is_refused(claims: dict[str, Any]) -> None:
    refused(signed(**claims))


def test_another_key_a_changed_byte_and_nonsense_are_refused() -> None:
    refused(signed(key=Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)))
    head, body, signature = TOKEN.split(".")
    refused(f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")
    for nonsense in ("", ".", "..", "a.b.c", "\u0141.b.c", TOKEN + "." * 5000, TOKEN + "é"):
        refused(nonsense)


def test_a_csrf_token_belongs_to_one_session() -> None:
    assert csrf_token(KEYS.csrf, "s1") == CSRF
    assert csrf_token(KEYS.csrf, "s2") != CSRF
    assert csrf_token(read_keys(b"\x02" * 32).csrf, "s1") != CSRF


def test_a_key_file_holds_a_seed_its_hex_or_a_pem() -> None:
    pem = KEYS.signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for raw in (SEED, SEED.hex().encode() + b"\n", pem):
        assert read_keys(raw).csrf == KEYS.csrf
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for wrong in (b"", SEED[:31], b"x" * 64, other):
        with pytest.raises(ValueError, match=r".+"):
            read_keys(wrong)
    assert SEED.hex() not in repr(KEYS)
