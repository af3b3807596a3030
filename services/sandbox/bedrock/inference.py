"""What a Converse request says about sampling, lengths and thinking; much of it depends on the model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.sandbox.anthropic.blocks import Rules, Transport
from services.sandbox.anthropic.models import claude
from services.sandbox.anthropic.options import thinking_in
from services.sandbox.bedrock.blocks import invalid
from services.sandbox.wire import Refusal

Json = Mapping[str, Any]  # a request body, not yet validated

_INFERENCE = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})
_MOST_STOPS = 2500
# Claude Opus 4.7 and later, and 5: no sampling parameters; 4.1 and later: one of the two.
_NO_SAMPLING = re.compile(r"claude-(opus-4-[7-9]|(opus|sonnet|haiku)-[5-9])")
_ONE_SAMPLING = re.compile(r"claude-(opus-4-[1-9](?!\d)|(sonnet|haiku)-4-[5-9](?!\d))")
_CLAUDE_FIELDS = frozenset(
    """
    anthropic_beta anthropic_version context_management output_config reasoning_config thinking tool_choice tools top_k
    """.split()
)
_THINKERS = re.compile(r"deepseek\.r1|magistral|kimi-k2-thinking")  # without being asked to


@dataclass(frozen=True, kw_only=True)
class Manner:
    """`budgeted`: Claude's thinking by a number of tokens, which brings its own rules. `single`: at most one call."""

    thinking: bool = False
    budgeted: bool = False
    shown: bool = True
    single: bool = False


def constraint(where: str, rule: str) -> Refusal:
    return invalid(f"1 validation error detected: Value at '{where}' failed to satisfy constraint: {rule}")


def inference_in(config: Any, model: str) -> Json:
    """`inferenceConfig`; raises Refusal."""
    config = {} if config is None else config
    if not isinstance(config, dict) or set(config) - _INFERENCE:
        raise invalid(
            "Malformed input request: inferenceConfig holds maxTokens, temperature, topP and stopSequences only."
        )
    most = config.get("maxTokens")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise constraint("inferenceConfig.maxTokens", "Member must have value greater than or equal to 1")
    for name in ("temperature", "topP"):
        value = config.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1):
            raise constraint(f"inferenceConfig.{name}", "Member must have value between 0 and 1")
    stops = config.get("stopSequences") or []
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise constraint(
            "inferenceConfig.stopSequences", "Member must be a list of at most 2500 strings of length 1 or more"
        )
    _sampling({name for name in ("temperature", "topP") if config.get(name) is not None}, model)
    return config


def manner_in(fields: Any, inference: Json, model: str) -> Manner:
    """`additionalModelRequestFields`: they are the model's own, and the model refuses them. Raises Refusal."""
    if fields is None:
        fields = {}
    if not isinstance(fields, dict):
        raise invalid("The value at additionalModelRequestFields must be a JSON object.")
    if "claude" in model:
        return _claude(fields, inference, model)
    given = fields.get("reasoningConfig")
    enabled = isinstance(given, dict) and given.get("type") == "enabled"
    effort = fields.get("reasoning_effort") in ("low", "medium", "high")
    return Manner(thinking=enabled or effort or _THINKERS.search(model) is not None)


def paths_in(paths: Any) -> tuple[str, ...]:
    """`additionalModelResponseFieldPaths`: JSON pointers; raises Refusal."""
    paths = [] if paths is None else paths
    if not isinstance(paths, list) or len(paths) > 10:  # noqa: PLR2004 - the documented limit
        raise constraint("additionalModelResponseFieldPaths", "Member must have length less than or equal to 10")
    if not all(isinstance(path, str) and path.startswith("/") for path in paths):
        raise invalid("The value at additionalModelResponseFieldPaths must hold JSON pointers, each beginning with /.")
    return tuple(paths)


def thinking_first(messages: Sequence[Json]) -> None:
    """A tool loop that is not at its end begins with the thinking that began it; raises Refusal."""
    asked = max(
        (i for i, m in enumerate(messages) if m["role"] == "user" and not any("toolResult" in b for b in m["content"])),
        default=-1,
    )
    begun = next((i for i in range(asked + 1, len(messages)) if messages[i]["role"] == "assistant"), None)
    if begun is not None and "reasoningContent" not in messages[begun]["content"][0]:
        raise _said_by_model(
            f"messages.{begun}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            "another block. When `thinking` is enabled, a final `assistant` message must start with a thinking block "
            "(preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )


def _claude(fields: Json, inference: Json, model: str) -> Manner:
    for name in fields:
        if name not in _CLAUDE_FIELDS:
            raise _said_by_model(f"{name}: Extra inputs are not permitted")
    body = {"thinking": fields.get("thinking", fields.get("reasoning_config"))}
    if inference.get("maxTokens") is not None:
        body["max_tokens"] = inference["maxTokens"]
    try:
        found = thinking_in(body, Rules(transport=Transport.BEDROCK, model=claude(model), dated=False))
    except Refusal as refusal:
        raise _said_by_model(refusal.message) from None
    if found.on and inference.get("temperature", 1) not in (None, 1):
        raise _said_by_model("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    choice = fields.get("tool_choice")
    single = isinstance(choice, dict) and choice.get("disable_parallel_tool_use") is True
    return Manner(thinking=found.on, budgeted=found.budgeted, shown=found.shown, single=single)


def _said_by_model(message: str) -> Refusal:
    return invalid(f"The model returned the following errors: {message}")


def _sampling(given: set[str], model: str) -> None:
    if given and _NO_SAMPLING.search(model):
        name = "temperature" if "temperature" in given else "top_p"
        raise _said_by_model(f"`{name}` is deprecated for this model.")
    if len(given) > 1 and _ONE_SAMPLING.search(model):
        raise _said_by_model("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
