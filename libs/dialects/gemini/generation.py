"""How Gemini is to answer: sampling, length, structure, log probabilities and thinking, as its `generationConfig`."""

from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import flag, number, whole
from libs.dialects.form import Request, Thinking
from libs.dialects.models import ModelFlags

_STOPS_LIMIT = 5
_TOP_LOGPROBS = 20
# What Google's own OpenAI-compatible front makes of an effort; the largest is Flash's limit.
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_MOST_THINKING = 24576
_ALWAYS_LEAST = 128  # Gemini 2.5 Pro, which cannot be switched off
_DYNAMIC = -1
# Every model of Gemini 3 has LOW and HIGH, nearly every one MEDIUM, some MINIMAL.
_LEVELS = {"minimal": "LOW", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}


def generation_config(request: Request, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    """Takes the hints that it honours out of `dropped`."""
    config = _sampling(request, model, dropped)
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if len(request.stop) > _STOPS_LIMIT:
        raise InvalidRequest(f"This route takes at most {_STOPS_LIMIT} stop sequences.", param="stop")
    if request.stop:
        config["stopSequences"] = list(request.stop)
    config |= _hints(request, dropped) | _logprobs(request) | _answer_format(request, model)
    if thinking := _thinking(request, model, dropped):
        config["thinkingConfig"] = thinking
    return config


# --- sampling -----------------------------------------------------------------------------------------------------


def _sampling(request: Request, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    asked = (("temperature", "temperature"), ("top_p", "topP"), ("top_k", "topK"))
    config: dict[str, Any] = {}
    for name, theirs in asked:
        value = getattr(request, name)
        if value is None:
            continue
        if model.sampling == "none" or (model.sampling == "one" and name == "top_p" and "temperature" in config):
            dropped.append(name)
        else:
            config[theirs] = value
    return config


def _hints(request: Request, dropped: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, theirs in (("presence_penalty", "presencePenalty"), ("frequency_penalty", "frequencyPenalty")):
        if name in request.hints:
            config[theirs] = number(request.hints[name], name, -2, 2)
            dropped.remove(name)
    if "seed" in request.hints:
        # OpenAI's seeds have 64 bits, these have 31: the same seed always gives the same one.
        config["seed"] = whole(request.hints["seed"], "seed", -(2**63), 2**63 - 1) % 2**31
        dropped.remove("seed")
    return config


def _logprobs(request: Request) -> dict[str, Any]:
    if not flag(request.demands.get("logprobs", False), "logprobs"):
        if "top_logprobs" in request.demands:
            raise InvalidRequest("'top_logprobs' needs 'logprobs' set to true.", param="top_logprobs")
        return {}
    top = whole(request.demands.get("top_logprobs", 0), "top_logprobs", 0)
    if top > _TOP_LOGPROBS:
        raise InvalidRequest(f"'top_logprobs' must be at most {_TOP_LOGPROBS}.", param="top_logprobs")
    return {"responseLogprobs": True, **({"logprobs": top} if top else {})}


def _answer_format(request: Request, model: ModelFlags) -> dict[str, Any]:
    asked = request.answer_format
    if asked is None:
        return {}
    if asked.kind == "json_object":
        return {"responseMimeType": "application/json"}
    if not model.structured:
        told = "This response format is not available on this route: use json_object, or choose another route."
        raise InvalidRequest(told, param="response_format")
    return {"responseMimeType": "application/json", "responseJsonSchema": asked.schema}


# --- thinking -----------------------------------------------------------------------------------------------------


def _thinking(request: Request, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    asked = request.thinking
    if asked.kind == "default":
        return {}
    named = "reasoning_effort" if asked.effort else "thinking"
    match model.thinking:
        case "budget":
            config = _by_budget(asked, request.max_tokens, model, dropped)
        case "level":
            config = _by_level(asked, dropped)
        case "none" | "adaptive" | "effort":
            if asked.kind == "on":
                dropped.append(named)
            return {}
        case _:
            assert_never(model.thinking)
    if asked.kind == "on" and asked.shown:
        config["includeThoughts"] = True
    return config


def _by_budget(asked: Thinking, max_tokens: int | None, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    if asked.kind == "off":
        if not model.always_thinks:
            return {"thinkingBudget": 0}
        dropped.append("thinking")
        return {"thinkingBudget": model.least_thinking or _ALWAYS_LEAST}
    if asked.budget is None and not asked.effort:
        return {"thinkingBudget": _DYNAMIC}
    budget = _BUDGETS[asked.effort] if asked.budget is None else min(asked.budget, _MOST_THINKING)
    # Thinking is part of the answer's length and must leave room for words.
    if max_tokens is not None and (asked.budget is None or budget >= max_tokens):
        budget = min(budget, max_tokens // 2)
    return {"thinkingBudget": max(budget, model.least_thinking, 1)}


def _by_level(asked: Thinking, dropped: list[str]) -> dict[str, Any]:
    if asked.kind == "off":  # these models always think
        dropped.append("thinking")
        return {"thinkingLevel": "LOW"}
    if asked.effort:
        return {"thinkingLevel": _LEVELS[asked.effort]}
    if asked.budget is None:
        return {}
    return {
        "thinkingLevel": next((_LEVELS[each] for each in ("low", "medium") if asked.budget <= _BUDGETS[each]), "HIGH")
    }
