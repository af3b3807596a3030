"""A request as Bedrock Converse takes it, model by model."""

from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.bedrock_converse import caching
from libs.dialects.bedrock_converse.messages import answers_unsigned_call, write_messages, write_system
from libs.dialects.bedrock_converse.tools import TOOL_NAME, one_at_a_time, tool_config
from libs.dialects.calls import fitted
from libs.dialects.form import Request, Thinking, Written
from libs.dialects.models import ModelFlags
from libs.dialects.schemas import by_tool, json_text, kept_to

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
_LEAST_BUDGET = 1024  # Anthropic's own minimum of thinking.budget_tokens
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}  # of models with three levels
_TIERS = ("default", "flex", "priority")


def write_request(request: Request, model: ModelFlags) -> Written:
    """The body, and the names of the caller's members that it does not honour. InvalidRequest where that would not do.

    A temperature above 1, Converse's highest, is sent as 1 and named as dropped.
    """
    for name in request.demands:
        raise InvalidRequest(f"'{name}' is not available on this route: leave it out or choose another.", param=name)
    request, names = fitted(request, TOOL_NAME)
    request, answer_tool = by_tool(request, model)
    request, lost = kept_to(request, model)
    dropped = sorted(request.hints) + lost
    body: dict[str, Any] = {"messages": write_messages(request.turns, model)}
    if system := write_system(request, model):
        body["system"] = system
    extra, effort = _thinking(request, model, dropped)
    thinks = "thinking" in extra
    if inference := _inference(request, model, thinks=thinks, dropped=dropped):
        body["inferenceConfig"] = inference
    if request.top_k is not None:
        if model.claude and model.sampling != "none" and not thinks:
            extra["top_k"] = request.top_k
        else:
            dropped.append("top_k")
    if tools := tool_config(request, model, dropped):
        body["toolConfig"] = tools
        extra |= one_at_a_time(request, model, tools, dropped)
    if output := _answer_format(request, model) | effort:
        body["outputConfig"] = output
    _beside(request, model, body, dropped)
    if extra:
        body["additionalModelRequestFields"] = extra
    if caching.trimmed(request, model, body):
        dropped.append("cache_control")
    return Written(body=body, dropped=tuple(dict.fromkeys(dropped)), names=names, answer_tool=answer_tool)


def _beside(request: Request, model: ModelFlags, body: dict[str, Any], dropped: list[str]) -> None:
    if request.hints.get("service_tier") in _TIERS:
        body["serviceTier"] = {"type": request.hints["service_tier"]}
        dropped.remove("service_tier")
    if request.stop and model.claude:  # the others do not say which one it was
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]


# --- sampling and length ------------------------------------------------------------------------------------------


def _inference(request: Request, model: ModelFlags, *, thinks: bool, dropped: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if request.max_tokens is not None:
        config["maxTokens"] = request.max_tokens
    if request.temperature is not None and not _drops(model, dropped, "temperature", also=thinks):
        config["temperature"] = min(request.temperature, 1)
        if request.temperature > 1:
            dropped.append("temperature")
    if request.top_p is not None:
        second = model.sampling == "one" and "temperature" in config
        if not _drops(model, dropped, "top_p", also=thinks or second):
            config["topP"] = request.top_p
    if request.stop:
        if model.claude and not all(each.strip() for each in request.stop):
            raise InvalidRequest("This model takes no stop sequence of white space alone.", param="stop")
        config["stopSequences"] = list(request.stop)
    return config


def _drops(model: ModelFlags, dropped: list[str], name: str, *, also: bool) -> bool:
    """Thinking models want their sampling left alone, newer Claudes always."""
    if model.sampling != "none" and not also:
        return False
    dropped.append(name)
    return True


# --- thinking -----------------------------------------------------------------------------------------------------


def _thinking(request: Request, model: ModelFlags, dropped: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Members of additionalModelRequestFields, and of outputConfig."""
    asked = request.thinking
    named = "reasoning_effort" if asked.effort else "thinking"
    if asked.kind == "default":
        return {}, {}
    if not model.claude:
        return _others_thinking(asked, model, named, dropped), {}
    if asked.kind == "off":
        return {}, {}  # as long as nobody switches it on
    forced = request.tool_choice.kind in ("required", "tool")  # Claude refuses the two together
    if forced or answers_unsigned_call(request.turns, model):
        dropped.append(named)
        return {}, {}
    if model.thinking == "adaptive":
        level = asked.effort or _effort(asked.budget)
        return {"thinking": {"type": "adaptive"}}, {"effort": "low" if level == "minimal" else level} if level else {}
    budget = _budget(asked, request.max_tokens)
    if model.thinking != "budget" or budget < _LEAST_BUDGET:
        dropped.append(named)
        return {}, {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, {}


def _budget(asked: Thinking, max_tokens: int | None) -> int:
    """Thinking is part of the answer's length and must leave room for words."""
    budget = _BUDGETS[asked.effort or "medium"] if asked.budget is None else asked.budget
    if max_tokens is None or (asked.budget is not None and budget < max_tokens):
        return budget
    return min(budget, max_tokens // 2)


def _effort(budget: int | None) -> str:
    if budget is None:
        return ""
    return next((effort for effort in ("low", "medium") if budget <= _BUDGETS[effort]), "high")


def _others_thinking(asked: Thinking, model: ModelFlags, named: str, dropped: list[str]) -> dict[str, Any]:
    """gpt-oss has three levels and cannot stop thinking; how others are told to is not known here."""
    if model.thinking != "effort":
        if asked.kind == "on" or model.always_thinks:
            dropped.append(named)
        return {}
    if asked.kind == "off":
        dropped.append(named)
        return {"reasoning_effort": "low"}
    level = asked.effort or _effort(asked.budget) or "medium"
    return {"reasoning_effort": _LEVELS.get(level, level)}


# --- structured answers -------------------------------------------------------------------------------------------


def _answer_format(request: Request, model: ModelFlags) -> dict[str, Any]:
    asked = request.answer_format
    if asked is None:
        return {}
    if asked.kind == "json_object" or not model.structured:
        other = "use json_schema" if model.structured else "leave other tools out"
        told = f"This response format is not available on this route: {other}, or choose another route."
        raise InvalidRequest(told, param="response_format")
    schema: dict[str, Any] = {"schema": json_text(asked.schema)}
    if asked.name:
        schema["name"] = asked.name
    if asked.description:
        schema["description"] = asked.description
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
