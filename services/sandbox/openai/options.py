"""What depends on the model and on the house in a chat completion request: reasoning, sampling, stream options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.sandbox.openai.houses import House
from services.sandbox.openai.sequence import wrong

Json = Mapping[str, Any]  # a request body, not yet validated

_REASONING = re.compile(r"(^|/)(o\d|gpt-[5-9])")
_QWEN = re.compile(r"qwen3", re.IGNORECASE)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# The first of the reasoning models always think, and know none of the highest efforts.
_OLDER = re.compile(r"(^|/)(o\d|gpt-5(-mini|-nano)?(-\d{4}-\d\d-\d\d)?$)")
_NOT_OLDER = frozenset({"none", "xhigh", "max"})
_WITHOUT_THOUGHT = frozenset({"none", "minimal"})
# What a reasoning model takes at its default only, and what it does not take at all.
_FIXED = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_DEFAULTS = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
_UNSUPPORTED = ("logprobs", "top_logprobs", "logit_bias")
_OPTIONS: Mapping[House, frozenset[str]] = {
    House.OPENAI: frozenset({"include_usage", "include_obfuscation"}),
    House.AZURE: frozenset({"include_usage", "include_obfuscation"}),
    House.SELF_HOSTED: frozenset({"include_usage", "continuous_usage_stats"}),
}


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    usage: bool = False
    usage_in_each: bool = False
    obfuscated: bool = False


def is_reasoning(model: str) -> bool:
    return _REASONING.search(model) is not None


def thinks(body: Json, model: str, house: House) -> bool:
    """Whether the answer begins with thoughts; raises Refusal."""
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise wrong(
            f"Invalid value: 'reasoning_effort'. Supported values are: {', '.join(map(repr, _EFFORTS))}.",
            "reasoning_effort",
            "invalid_value",
        )
    if house is House.SELF_HOSTED:
        return _qwen_thinks(body, model, effort)
    if not is_reasoning(model):
        if effort is not None:
            raise _unsupported("reasoning_effort")
        return False
    if effort in _NOT_OLDER and _OLDER.search(model):
        raise wrong(
            f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this model.",
            "reasoning_effort",
            "unsupported_value",
        )
    if effort not in _WITHOUT_THOUGHT:
        _sampling(body)
    return effort not in _WITHOUT_THOUGHT


def logprobs_in(body: Json) -> int | None:
    """How many alternatives to each token; None: no log probabilities. Raises Refusal."""
    wanted, top = body.get("logprobs"), body.get("top_logprobs")
    if not (wanted is None or isinstance(wanted, bool)):
        raise wrong("Invalid type for 'logprobs': expected a boolean.", "logprobs", "invalid_type")
    if top is not None and not wanted:
        raise wrong("Invalid 'top_logprobs': 'logprobs' must be true to use it.", "top_logprobs", "invalid_value")
    return (top or 0) if wanted else None


def stream_options_in(body: Json, house: House) -> StreamOptions:
    """Raises Refusal."""
    options = body.get("stream_options")
    # What obfuscation hides is hidden unless it is switched off; the other houses do not know it.
    if options is None:
        return StreamOptions(obfuscated=house is House.OPENAI)
    if not body.get("stream"):
        raise wrong("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if not isinstance(options, dict):
        raise wrong("Invalid type for 'stream_options': expected an object.", "stream_options", "invalid_type")
    for name, value in options.items():
        if name not in _OPTIONS[house]:
            raise wrong(f"Unknown parameter: 'stream_options.{name}'.", f"stream_options.{name}", "unknown_parameter")
        if not (value is None or isinstance(value, bool)):
            raise wrong(f"Invalid type for 'stream_options.{name}'.", f"stream_options.{name}", "invalid_type")
    return StreamOptions(
        usage=options.get("include_usage") is True,
        usage_in_each=options.get("include_usage") is True and options.get("continuous_usage_stats") is True,
        obfuscated=house is House.OPENAI and options.get("include_obfuscation") is not False,
    )


def _qwen_thinks(body: Json, model: str, effort: str | None) -> bool:
    """Qwen3 thinks where the request says so. (Served without a chat template of its own it would always.)"""
    arguments = body.get("chat_template_kwargs")
    asked = arguments.get("enable_thinking") if isinstance(arguments, dict) else None
    if asked is None:
        asked = effort is not None and effort not in _WITHOUT_THOUGHT
    return asked is True and _QWEN.search(model) is not None


def _sampling(body: Json) -> None:
    for name in _FIXED:
        if body.get(name, _DEFAULTS[name]) not in (None, _DEFAULTS[name]):
            raise wrong(
                f"Unsupported value: '{name}' does not support {body[name]} with this model. "
                f"Only the default ({_DEFAULTS[name]}) value is supported.",
                name,
                "unsupported_value",
            )
    for name in _UNSUPPORTED:
        if body.get(name):
            raise _unsupported(name)


def _unsupported(name: str) -> Exception:
    return wrong(f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")
