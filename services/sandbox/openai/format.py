"""OpenAI's format in its three houses: OpenAI, Azure OpenAI, and a self-hosted server such as vLLM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from services.sandbox.domain import Answer, Ask
from services.sandbox.openai.answer import FILTERED, completion
from services.sandbox.openai.houses import ChatAsk, House
from services.sandbox.openai.request import read
from services.sandbox.openai.stream import script
from services.sandbox.wire import Received, Refusal, Reply, Script

# status: (type, code), as api.openai.com answers it
_OPENAI_TYPES: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    408: ("timeout", None),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("service_unavailable_error", None),
    529: ("overloaded_error", None),
}
_VLLM_TYPES: Mapping[int, str] = {
    401: "Unauthorized",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}
_BLOCKED = "refuse this prompt"  # Azure's filter looks at the prompt before any model does
_FILTER = "content_filter"
_POLICY = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify "
    "your prompt and retry. To learn more about our content filtering policies please read our documentation: "
    "https://go.microsoft.com/fwlink/?linkid=2198766"
)
_MODELS: Mapping[House, tuple[str, ...]] = {
    House.OPENAI: ("gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4o", "gpt-4o-mini"),
    House.AZURE: ("gpt-4o", "gpt-4o-mini"),
    House.SELF_HOSTED: ("Qwen/Qwen3-14B", "Qwen/Qwen3-32B"),
}


@dataclass(frozen=True, kw_only=True)
class OpenAIWire:
    """One house. `deployment` is Azure's model in the path; `unix` gives `created`."""

    house: House
    unix: Callable[[], float]
    deployment: str = ""

    def admit(self, received: Received) -> None:
        given = received.headers
        bearer = given.get("authorization", "").startswith("Bearer ")
        if self.house is House.OPENAI and not bearer:
            raise Refusal(
                401,
                "You didn't provide an API key. You need to provide your API key in an Authorization header "
                "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        if self.house is House.AZURE and not (bearer or given.get("api-key")):
            raise Refusal(
                401,
                "Access denied due to invalid subscription key or wrong API endpoint. "
                "Make sure to provide a valid key for an active subscription and use a correct regional API endpoint "
                "for your resource.",
            )

    def read(self, received: Received) -> Ask:
        if self.deployment and "api-version=" not in received.path.partition("?")[2]:
            raise Refusal(404, "Resource not found", code="404")
        ask = read(received.body, deployment=self.deployment, house=self.house)
        if self.house is House.AZURE and _BLOCKED in ask.text.lower():
            raise Refusal(400, _POLICY, kind=_FILTER, code=_FILTER, param="prompt")
        return ask

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:  # noqa: ARG002 - Converse states it in the body
        assert isinstance(ask, ChatAsk)
        return Reply(status=200, body=completion(ask, said, reply_id, int(self.unix()), self.house))

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        assert isinstance(ask, ChatAsk)
        return script(ask, said, reply_id, int(self.unix()), self.house)

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:  # noqa: ARG002 - Anthropic's names the request
        kind, code = _OPENAI_TYPES.get(refusal.status, ("invalid_request_error", None))
        error = {
            "message": refusal.message,
            "type": kind,
            "param": refusal.param,
            "code": refusal.code or code,
        }
        if self.house is House.AZURE and refusal.status != 400:  # noqa: PLR2004 - the model's own 400s keep OpenAI's shape
            missing = "DeploymentNotFound" if refusal.status == 404 else str(refusal.status)  # noqa: PLR2004 - not found
            error = {"code": refusal.code if refusal.code == "404" else missing, "message": refusal.message}
        if refusal.kind == _FILTER:
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTERED}
            filtered = error | {"type": None, "status": 400, "innererror": inner}
            return Reply(status=400, body=orjson.dumps({"error": filtered}))
        if self.house is House.SELF_HOSTED:
            kind = _VLLM_TYPES.get(refusal.status, "BadRequestError")
            vllm = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.status}
            return Reply(status=refusal.status, body=orjson.dumps({"error": vllm}))
        return Reply(status=refusal.status, body=orjson.dumps({"error": error}))

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:
        if self.house is House.SELF_HOSTED:
            return {"server": "uvicorn"}
        named = {"x-request-id": f"req_{reply_id}", "openai-processing-ms": str(latency_ms)}
        if self.house is House.AZURE:
            return named | {"apim-request-id": reply_id, "x-ms-region": "Canada East"}
        return named | {"openai-version": "2020-10-01"}

    def models(self) -> Reply:
        """The list of models; any other name is answered too."""
        data = [
            {"id": m, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"} for m in _MODELS[self.house]
        ]
        return Reply(status=200, body=orjson.dumps({"object": "list", "data": data}))
