"""Checks AWS signatures: the door to botocore, which makes the signature that the caller should have made."""

import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from services.sandbox.wire import Received, Refusal

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)
_SKEW_S = 300
_NEEDED = frozenset({"host", "x-amz-date"})


def present(received: Received) -> None:
    """A signature or a bearer token must be there; raises Refusal."""
    given = received.headers.get("authorization", "")
    if not given.startswith(("AWS4-HMAC-SHA256 ", "Bearer ")):
        raise Refusal(403, "Missing Authentication Token", kind="MissingAuthenticationTokenException")


def verify(received: Received, region: str, secret: str, unix: Callable[[], float]) -> None:
    """The signature must be the one `secret` makes over raw path, signed headers and body; raises Refusal."""
    parts = _SIGNED.fullmatch(received.headers.get("authorization", ""))
    if parts is None:
        raise _wrong("Authorization header requires existence of a Credential, SignedHeaders and Signature.")
    key, day, scope_region, service, names, signature = parts.groups()
    signed = names.split(";")
    stamp = received.headers.get("x-amz-date", "")
    if not set(signed) >= _NEEDED or not stamp.startswith(day) or not _fresh(stamp, unix()):
        raise _wrong("Signature expired or the signed headers lack host or x-amz-date.")
    if (scope_region, service) != (region, "bedrock"):
        raise _wrong(f"Credential should be scoped to region {region} and service bedrock.")
    request = AWSRequest(
        method=received.method,
        url=f"http://{received.headers.get('host', '')}{received.path}",
        data=received.body,
        headers={name: received.headers.get(name, "") for name in signed},
    )
    request.context["timestamp"] = stamp
    auth = SigV4Auth(ReadOnlyCredentials(key, secret, None), service, region)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if not hmac.compare_digest(expected, signature):
        raise _wrong(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        )


def _fresh(stamp: str, now: float) -> bool:
    try:
        then = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return abs(now - then) <= _SKEW_S


def _wrong(message: str) -> Refusal:
    return Refusal(403, message, kind="InvalidSignatureException")
