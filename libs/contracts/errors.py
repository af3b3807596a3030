"""The one tree of errors: each class has a code and says whether trying again can help; none knows an HTTP status."""

from typing import ClassVar


class NorthernError(Exception):
    """Root of everything we raise on purpose. The message is for the caller: it says what to do next.

    `retry_after_ms` is a hint, 0 where none is known; `param` names the member of the body at fault.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_ms = retry_after_ms


OUR_FAULT = "something went wrong on our side, and it is in our log; if it comes again, tell whoever runs this gateway"


class Internal(NorthernError):
    """Our own fault; carries no text from the inside."""


# --- the request itself -------------------------------------------------------------------------------------------


class InvalidRequest(NorthernError):
    code = "invalid_request"


class ThreadUnsupported(InvalidRequest):
    """Anthropic's `thread` keeps a conversation at the provider; its SDKs send it whole when they are told so."""

    code = "thread_unsupported"


class NoEligibleModel(InvalidRequest):
    code = "no_eligible_model"


class MethodNotAllowed(NorthernError):
    """`allow` lists the methods that are, as RFC 9110 §15.5.6 wants them named."""

    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str = "", param: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(message, param=param, retry_after_ms=retry_after_ms)
        self.allow = allow


class NotFound(NorthernError):
    code = "not_found"


class SlowRequest(NorthernError):
    code = "slow_request"


class HeadersTooLarge(NorthernError):
    code = "headers_too_large"


class RequestTooLarge(NorthernError):
    code = "request_too_large"


class AlreadyExists(NorthernError):
    code = "already_exists"


class LegalHold(NorthernError):
    """What is asked to be erased may not be: somebody has put it under a legal hold."""

    code = "legal_hold"


class IdempotentReplay(NorthernError):
    """The client's own key came again: `first_request_id` is the request that it stands for."""

    code = "idempotent_replay"

    def __init__(self, message: str, *, first_request_id: str = "", param: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(message, param=param, retry_after_ms=retry_after_ms)
        self.first_request_id = first_request_id


class IdempotencyMismatch(NorthernError):
    """The id of an operation came again with other content."""

    code = "idempotency_mismatch"


class PiiUnsupportedContent(NorthernError):
    code = "pii_unsupported_content"


# --- who asks -----------------------------------------------------------------------------------------------------


class InvalidApiKey(NorthernError):
    code = "invalid_api_key"


class InvalidCredentials(NorthernError):
    """The e-mail address or the password is wrong; never says which."""

    code = "invalid_credentials"


class InvalidSession(NorthernError):
    """Expired, forged or of a user who may no longer sign in."""

    code = "invalid_session"


class KeyRevoked(NorthernError):
    code = "key_revoked"


class AccountDeactivated(NorthernError):
    code = "account_deactivated"


class CsrfFailed(NorthernError):
    code = "csrf_failed"


class NotPermitted(NorthernError):
    """The role, or the key, may not do this here; `param` names the member that asks for too much."""

    code = "not_permitted"


class RouteNotAllowed(NorthernError):
    code = "route_not_allowed"


class OwnCredentialMissing(NorthernError):
    """The key uses its account's own credentials alone, and there is none that fits the route."""

    code = "byok_credential_missing"


class OwnCredentialRefused(NorthernError):
    """The provider refused the account's own credential, or the account behind it; ours was never tried."""

    code = "byok_credential_refused"


class ResidencyRefused(NorthernError):
    """`rule` is the stable name of what forbids the route, `nearest` a route that is allowed; both are in the message.

    They do not travel: who refuses puts them on record.
    """

    code = "residency_refused"

    def __init__(
        self,
        message: str,
        *,
        rule: str = "",
        route_id: str = "",
        nearest: str = "",
        param: str = "",
        retry_after_ms: int = 0,
    ) -> None:
        super().__init__(message, param=param, retry_after_ms=retry_after_ms)
        self.rule, self.route_id, self.nearest = rule, route_id, nearest


class ModelNotFound(NorthernError):
    code = "model_not_found"


# --- money and limits ---------------------------------------------------------------------------------------------


class InsufficientCredits(NorthernError):
    code = "insufficient_credits"


class SpendCapReached(NorthernError):
    code = "spend_cap_reached"


class CreditOnHold(NorthernError):
    code = "credit_on_hold"
    retryable = True


class HoldNotOpen(NorthernError):
    """The request's hold has expired, was given back or is settled: nothing more can be set aside for it."""

    code = "not_open"


class RateLimitExceeded(NorthernError):
    code = "rate_limit_exceeded"
    retryable = True


# --- the provider -------------------------------------------------------------------------------------------------


class ProviderRefused(NorthernError):
    """The provider says the request is wrong: its status (400, 404, 413, 422) and message, our shape.

    `provider_code`: its own code where it has one that says more than the status, and nothing of our account with it.
    """

    code = "provider_refused"

    def __init__(self, message: str, *, provider_status: int = 400, provider_code: str = "", param: str = "") -> None:
        super().__init__(message, param=param)
        self.provider_status = provider_status
        self.provider_code = provider_code


class ContextTooLong(ProviderRefused):
    """The same, for a prompt (or a prompt and the answer asked for) beyond what the model holds: clients shorten it."""

    code = "context_length_exceeded"


class ContentFiltered(ProviderRefused):
    """The same, for a prompt that the provider's own filter turned away: it will again, however often it is sent."""

    code = "content_filter"


class ProviderRateLimited(RateLimitExceeded):
    """429 of the provider: another candidate may do."""


class UpstreamError(NorthernError):
    code = "upstream_error"
    retryable = True


class CredentialRefused(UpstreamError):
    """The provider refused the platform's own credential or account: until the operator acts it will again."""

    code = "credential_refused"
    retryable = False


class UpstreamTimeout(NorthernError):
    code = "timeout"
    retryable = True


# --- our own street -----------------------------------------------------------------------------------------------


class Overloaded(NorthernError):
    code = "overloaded"
    retryable = True


class WorkerLost(NorthernError):
    """Nothing was delivered and nothing is charged."""

    code = "worker_lost"
    retryable = True


class StreamBroken(NorthernError):
    """After the first byte: a gap, a silence or a lost worker. Never retried by itself."""

    code = "stream_broken"


class RouteUnavailable(NorthernError):
    """The route exists and is allowed, but has no credential here, or its service has not landed."""

    code = "route_unavailable"


class RecordUnavailable(NorthernError):
    """The record could not be made durable, so nothing left."""

    code = "record_unavailable"
    retryable = True


class BillingUnavailable(NorthernError):
    """Nothing could be set aside on the account, so nothing left and nothing is charged."""

    code = "billing_unavailable"
    retryable = True


class PiiUnavailable(NorthernError):
    code = "pii_unavailable"
    retryable = True


class StoreUnavailable(NorthernError):
    code = "store_unavailable"
    retryable = True


class BusUnavailable(NorthernError):
    code = "bus_unavailable"
    retryable = True


def catalogue() -> dict[str, type[NorthernError]]:
    """Every code with the class that stands for it, the topmost where subclasses share one."""
    found: dict[str, type[NorthernError]] = {}
    todo: list[type[NorthernError]] = [NorthernError]
    while todo:
        cls = todo.pop(0)
        found.setdefault(cls.code, cls)
        todo.extend(cls.__subclasses__())
    return found
