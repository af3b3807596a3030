"""How a generateContent request wants its answer: ranges, lengths, form, and how much is thought."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.sandbox.gemini.refusals import invalid, unable
from services.sandbox.gemini.tools import plain_schema
from services.sandbox.model.examples import Schema

Json = Mapping[str, Any]  # canonical, not yet validated

_MOST_STOPS = 5
# Name: lowest, highest, both allowed.
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "topP": (0, 1),
    "topK": (1, 64),
    "candidateCount": (1, 8),
    "maxOutputTokens": (1, 65536),
    "logprobs": (0, 20),
    "presencePenalty": (-2, 2),
    "frequencyPenalty": (-2, 2),
    "seed": (-(1 << 31), (1 << 31) - 1),
}
_FORMS = frozenset({"text/plain", "application/json", "text/x.enum"})
_CAN_THINK = re.compile(r"gemini-(2\.5|[3-9])")
_ALWAYS_THINKS = re.compile(r"gemini-(2\.5-pro|[3-9])")
_LEVELS = re.compile(r"gemini-[3-9]")


@dataclass(frozen=True, kw_only=True)
class Thoughts:
    """Whether the model thinks, and whether its thoughts are in the answer."""

    wanted: bool
    included: bool


def checked(config: Json) -> None:
    """Every number within its range, and what must go together does; raises Refusal."""
    for name, (least, most) in _RANGES.items():
        value = config.get(name)
        if value is not None and not least <= value <= most:
            raise unable(
                f"it has a {name} value of {value} but the supported range is from {least} (inclusive) to "
                f"{most} (inclusive). Update the value and try again."
            )
    stops = config.get("stopSequences") or []
    if len(stops) > _MOST_STOPS or not all(stops):
        raise unable(f"it may have up to {_MOST_STOPS} stopSequences, none of them empty.")
    if "logprobs" in config and not config.get("responseLogprobs"):
        raise unable("logprobs is set and responseLogprobs is not.")
    modalities = config.get("responseModalities") or ["TEXT"]
    if modalities != ["TEXT"]:
        raise unable("the model does not support the requested response modalities.")


def schema_in(config: Json, model: str, *, tools: bool) -> Schema | None:
    """The JSON schema of the answer, if JSON is wanted; raises Refusal."""
    form = config.get("responseMimeType") or "text/plain"
    if form not in _FORMS:
        raise unable(f"response_mime_type is none of {', '.join(sorted(_FORMS))}.")
    given = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(given) > 1:
        raise invalid("Only one of response_schema and response_json_schema may be set.")
    if form == "text/plain":
        if given:
            raise unable(
                "controlled generation with a schema is supported only with the response mime types "
                "application/json and text/x.enum."
            )
        return None
    if tools and not _LEVELS.search(model):
        raise unable(f"controlled generation is not supported with tool use: function calling with {form}.")
    if not given:
        return {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    schema = config[given[0]]
    if not isinstance(schema, dict):
        raise invalid("response_json_schema must be a JSON schema.")
    return plain_schema(schema) if given[0] == "responseSchema" else schema


def thoughts_in(config: Json, model: str) -> Thoughts:
    """What `thinkingConfig` and the model decide together; raises Refusal.

    Where the model decides by itself, only those that always think do.
    """
    thinking: Json | None = config.get("thinkingConfig")
    always = _ALWAYS_THINKS.search(model) is not None
    if thinking is None:
        return Thoughts(wanted=always, included=False)
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    included = bool(thinking.get("includeThoughts"))
    if not _CAN_THINK.search(model):
        if included or budget or level:
            raise unable("Thinking_config.include_thoughts is only enabled when thinking is supported by this model.")
        return Thoughts(wanted=False, included=False)
    if level is not None and not _LEVELS.search(model):
        raise unable("thinking_level is not supported by this model.")
    if level is not None and budget is not None:
        raise unable("only one of thinking_budget and thinking_level may be set.")
    if budget is not None:
        _budget(budget, always=always)
    if budget == 0 and included:
        raise unable("Thinking_config.include_thoughts is only enabled when thinking is enabled.")
    return Thoughts(wanted=always or (budget != 0 and (included or budget is not None)), included=included)


def _budget(budget: int, *, always: bool) -> None:
    least = 128 if always else 0
    if budget != -1 and not least <= budget <= 32_768:  # noqa: PLR2004 - the documented limit
        raise invalid(f"The thinking budget {budget} is invalid. Please choose a value between {least} and 32768.")
