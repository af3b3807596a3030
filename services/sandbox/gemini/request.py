"""Reads a generateContent or countTokens request as Vertex AI does: what it refuses is refused here, in its words.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.sandbox.domain import Ask, Prefix
from services.sandbox.gemini.canonical import canonical
from services.sandbox.gemini.generation import checked, schema_in, thoughts_in
from services.sandbox.gemini.refusals import invalid
from services.sandbox.gemini.tools import choice_in, tools_in
from services.sandbox.gemini.turns import Turn, system_in, turns_in
from services.sandbox.model.implicit_cache import prefixes_of
from services.sandbox.orders.directives import UnknownDirectiveError, written_in
from services.sandbox.wire import Refusal

Json = Mapping[str, Any]  # canonical, not yet validated

_LEAST_CACHED = 1024
_CACHES = re.compile(r"gemini-(2\.5|[3-9])")


@dataclass(frozen=True, kw_only=True)
class GeminiAsk(Ask):
    """`sse`: events, else a stream is one JSON array. `logprobs`: how many alternatives, None: none are wanted.

    `has_tools`: functions were declared.
    """

    sse: bool = True
    logprobs: int | None = None
    has_tools: bool = False


def read(raw: bytes, model: str, *, stream: bool, sse: bool = True) -> GeminiAsk:
    """The request as the domain sees it; raises Refusal."""
    body = canonical(raw, "GenerateContentRequest")
    found(model)
    if "cachedContent" in body:
        raise Refusal(404, "Not found: cached content metadata.")
    config: Json = body.get("generationConfig", {})
    checked(config)
    system = system_in(body.get("systemInstruction"))
    turns = turns_in(body.get("contents") or [], model)
    tools = tools_in(body)
    choice, callable_ = choice_in(body, tools)
    thoughts = thoughts_in(config, model)
    text, directive = _prompt(turns)
    return GeminiAsk(
        model=model,
        text=text,
        text_bytes=text_bytes(system, turns),
        stream=stream,
        images=tuple(turns[-1].media),
        tool_results=tuple(turns[-1].results),
        tools=callable_,
        choice=choice,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences") or ()),
        n=config.get("candidateCount", 1),
        json_schema=schema_in(config, model, tools=bool(tools)),
        thinking=thoughts.wanted,
        thoughts_shown=thoughts.included,
        prefixes=_prefixes(body, model, system, turns),
        directive=directive,
        sse=sse,
        logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
        has_tools=bool(tools),
    )


def read_count(raw: bytes, model: str) -> GeminiAsk:
    """A countTokens request; raises Refusal."""
    body = canonical(raw, "CountTokensRequest")
    found(model)
    turns = turns_in(body.get("contents") or [], model)
    system = system_in(body.get("systemInstruction"))
    text, directive = _prompt(turns)
    return GeminiAsk(model=model, text=text, text_bytes=text_bytes(system, turns), directive=directive)


def found(model: str) -> None:
    if "missing-model" in model:
        raise Refusal(
            404,
            f"Publisher Model `{model}` was not found or your project does not have access to it. Please ensure you "
            "are using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
        )


def text_bytes(system: str, turns: Sequence[Turn]) -> int:
    return len(system.encode()) + sum(_size(turn) for turn in turns)


def _size(turn: Turn) -> int:
    return len(turn.text.encode()) + sum(len(result.encode()) for result in turn.results)


def _prompt(turns: Sequence[Turn]) -> tuple[str, Any]:
    said = next((turn.text for turn in reversed(turns) if turn.role == "user" and turn.text), "")
    try:
        return written_in(said)
    except UnknownDirectiveError as error:
        raise invalid(str(error)) from None


def _prefixes(body: Json, model: str, system: str, turns: Sequence[Turn]) -> tuple[Prefix, ...]:
    if not _CACHES.search(model):
        return ()
    first = orjson.dumps([system, body.get("tools")], default=bytes.hex)
    contents = [
        (orjson.dumps(content, default=bytes.hex), _size(t)) for content, t in zip(body["contents"], turns, strict=True)
    ]
    return prefixes_of(model, [(first, len(system.encode())), *contents], least=_LEAST_CACHED)
