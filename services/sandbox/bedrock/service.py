"""What every operation of Bedrock's runtime shares: the credential, the error body, the request's id."""

from collections.abc import Callable, Mapping

import orjson

from services.sandbox.bedrock.signature import present, verify
from services.sandbox.wire import Received, Refusal, Reply

_KINDS: Mapping[int, str] = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "RequestEntityTooLargeException",
    422: "ValidationException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}


def admit(received: Received, region: str, secret: str, unix: Callable[[], float]) -> None:
    """A signature or a bearer token; with an empty `secret` it is there, no more. Raises Refusal."""
    present(received)
    if secret and not received.headers.get("authorization", "").startswith("Bearer "):
        verify(received, region, secret, unix)


def error(refusal: Refusal) -> Reply:
    """The type stands in a header, the message alone in the body."""
    kind = refusal.kind or _KINDS.get(refusal.status, "ValidationException")
    return Reply(
        status=refusal.status,
        body=orjson.dumps({"message": refusal.message}),
        headers={"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    )


def identified(reply_id: str) -> Mapping[str, str]:
    return {"x-amzn-requestid": f"{reply_id[:8]}-{reply_id[8:12]}-4000-8000-{reply_id[-12:]}"}
