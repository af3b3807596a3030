"""Reads a Converse request as Bedrock does: shapes, order of turns and patterns, each refused in its words.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.sandbox.bedrock.blocks import (
    TOOL_NAME,
    blocks_in,
    documented,
    few_images,
    invalid,
    matches,
    one_of,
    signatures_held,
    text_of,
)
from services.sandbox.bedrock.caching import prefixes_in
from services.sandbox.bedrock.inference import constraint, inference_in, manner_in, paths_in, thinking_first
from services.sandbox.domain import Ask, Choice, Tool
from services.sandbox.orders.directives import UnknownDirectiveError, written_in
from services.sandbox.wire import Refusal, json_object

Json = Mapping[str, Any]  # a request body, not yet validated

KNOWN = frozenset(
    """
    additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig inferenceConfig messages
    outputConfig performanceConfig promptVariables requestMetadata serviceTier system toolConfig
    """.split()
)
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})


@dataclass(frozen=True, kw_only=True)
class ConverseAsk(Ask):
    """`paths`: JSON pointers into the model's own answer that are wanted too. `guarded`: by a guardrail."""

    paths: tuple[str, ...] = ()
    guarded: bool = False


def read(raw: bytes, model: str, *, stream: bool) -> ConverseAsk:
    """The request as the domain sees it; raises Refusal."""
    body = _parsed(raw)
    if "missing-model" in model:
        raise Refusal(404, f"Could not resolve the foundation model from the model identifier: {model}")
    messages = _turns(body.get("messages"))
    signatures_held(messages, is_claude="claude" in model)
    inference = inference_in(body.get("inferenceConfig"), model)
    manner = manner_in(body.get("additionalModelRequestFields"), inference, model)
    if manner.budgeted:
        thinking_first(messages)
    tools, choice, forced = _tool_config(body.get("toolConfig"), messages)
    if manner.thinking and choice is Choice.REQUIRED:
        raise invalid(
            "The model returned the following errors: Thinking may not be enabled when tool_choice forces tool use."
        )
    system = _system(body.get("system"))
    try:
        text, directive = written_in(_last_user(messages))
    except UnknownDirectiveError as error:
        raise invalid(str(error)) from None
    last = messages[-1]["content"]
    return ConverseAsk(
        model=model,
        text=text,
        text_bytes=len(system.encode()) + sum(len(text_of(m["content"]).encode()) for m in messages),
        stream=stream,
        images=_images(messages),
        tool_results=tuple(text_of([block]) for block in last if "toolResult" in block),
        tools=tools,
        choice=choice,
        forced=forced,
        parallel=not manner.single,
        max_tokens=inference.get("maxTokens"),
        stop=tuple(inference.get("stopSequences") or ()),
        json_schema=_schema(body.get("outputConfig")),
        thinking=manner.thinking,
        thoughts_shown=manner.shown,
        prefixes=prefixes_in(body, model),
        directive=directive,
        paths=paths_in(body.get("additionalModelResponseFieldPaths")),
        guarded=_guarded(body.get("guardrailConfig")),
    )


def _parsed(raw: bytes) -> Json:
    body = json_object(raw)
    if body is None:
        raise Refusal(400, "The request body is not a JSON object.", kind="SerializationException")
    for name in body:
        if name not in KNOWN:
            raise invalid(
                f"Malformed input request: extraneous key [{name}] is not permitted, please reformat your input."
            )
    return body


def _turns(messages: Any) -> Sequence[Json]:
    if not isinstance(messages, list) or not messages:
        raise invalid(
            "1 validation error detected: Value at 'messages' failed to satisfy constraint: Member must not be null"
        )
    asked: set[str] = set()
    for i, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in {"user", "assistant"}:
            raise invalid(
                f"1 validation error detected: Value at 'messages.{i + 1}.member.role' failed to satisfy constraint: "
                "Member must satisfy enum value set: [user, assistant]"
            )
        if i == 0 and role != "user":
            raise invalid(
                "A conversation must start with a user message. "
                "Try again with a conversation that starts with a user message."
            )
        if i and role == messages[i - 1]["role"]:
            raise invalid(
                "A conversation must alternate between user and assistant roles. "
                "Make sure the conversation alternates between user and assistant roles and try again."
            )
        blocks = blocks_in(message.get("content"), f"messages.{i}.content", role)
        documented(blocks, f"messages.{i}.content")
        asked = _answered(blocks, asked, i)
    few_images(messages)
    return messages


def _answered(blocks: Sequence[Json], asked: set[str], i: int) -> set[str]:
    """Results must match the calls of the turn before; gives the calls of this turn."""
    given = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
    if missing := asked - set(given):
        raise invalid(
            f"Expected toolResult blocks at messages.{i}.content for the following Ids: {', '.join(sorted(missing))}"
        )
    if set(given) - asked or len(set(given)) != len(given):
        raise invalid(
            f"The number of toolResult blocks at messages.{i}.content exceeds "
            "the number of toolUse blocks of previous turn."
        )
    return {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}


def _tool_config(config: Any, messages: Sequence[Json]) -> tuple[tuple[Tool, ...], Choice, str]:
    if config is None:
        if any("toolUse" in block or "toolResult" in block for m in messages for block in m["content"]):
            raise invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        return (), Choice.AUTO, ""
    if not isinstance(config, dict) or not isinstance(config.get("tools"), list) or not config["tools"]:
        raise constraint("toolConfig.tools", "Member must have length greater than or equal to 1")
    tools = tuple(_tools(config["tools"]))
    choice = config.get("toolChoice")
    if choice is None:
        return tools, Choice.AUTO, ""
    kind = one_of(choice, {"auto", "any", "tool"}, "toolConfig.toolChoice")
    if kind != "tool":
        return tools, Choice.AUTO if kind == "auto" else Choice.REQUIRED, ""
    name = str(choice["tool"].get("name")) if isinstance(choice["tool"], dict) else ""
    if name not in {tool.name for tool in tools}:
        raise invalid("The toolChoice.tool.name is not among the names of toolConfig.tools.")
    return tools, Choice.REQUIRED, name


def _tools(tools: Sequence[Any]) -> Iterator[Tool]:
    for i, tool in enumerate(tools):
        where = f"toolConfig.tools.{i + 1}.member"
        if one_of(tool, {"toolSpec", "systemTool", "cachePoint"}, where) != "toolSpec":
            continue
        spec = tool["toolSpec"]
        if not isinstance(spec, dict) or not matches(TOOL_NAME, spec.get("name")):
            raise constraint(f"{where}.toolSpec.name", "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+")
        if spec.get("description") == "":
            raise constraint(f"{where}.toolSpec.description", "Member must have length greater than or equal to 1")
        given = spec.get("inputSchema")
        schema = given.get("json") if isinstance(given, dict) else None
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise invalid(f"The value at {where}.toolSpec.inputSchema.json.type must be one of the following: object.")
        yield Tool(name=spec["name"], schema=schema)


def _system(system: Any) -> str:
    return "" if system is None else text_of(blocks_in(system, "system", "system"))


def _schema(config: Any) -> Json | None:
    """`outputConfig.textFormat`: the schema is a string of JSON inside the JSON."""
    if config is not None and (not isinstance(config, dict) or set(config) - {"textFormat", "effort"}):
        raise invalid("Malformed input request: outputConfig holds textFormat and effort only.")
    if config and config.get("effort") is not None and config["effort"] not in _EFFORTS:
        raise constraint("outputConfig.effort", f"Member must satisfy enum value set: [{', '.join(sorted(_EFFORTS))}]")
    wanted = config.get("textFormat") if config else None
    if wanted is None:
        return None
    try:
        schema = orjson.loads(wanted["structure"]["jsonSchema"]["schema"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        schema = None
    if wanted.get("type") != "json_schema" or not isinstance(schema, dict):
        raise invalid(
            "The schema at outputConfig.textFormat.structure.jsonSchema.schema is not a JSON schema as a string."
        )
    return schema


def _guarded(config: Any) -> bool:
    if config is None:
        return False
    needed = {"guardrailIdentifier", "guardrailVersion"}
    if not isinstance(config, dict) or not all(isinstance(config.get(name), str) and config[name] for name in needed):
        raise invalid("guardrailConfig must hold a guardrailIdentifier and a guardrailVersion.")
    return True


def _last_user(messages: Sequence[Json]) -> str:
    own = ([b for b in m["content"] if "text" in b] for m in reversed(messages) if m["role"] == "user")
    return next((text for blocks in own if (text := text_of(blocks))), "")


def _images(messages: Sequence[Json]) -> tuple[str, ...]:
    turn = next(m["content"] for m in reversed(messages) if m["role"] == "user")
    seen = (block[kind] for block in turn for kind in ("image", "document") if kind in block)
    return tuple(one["described"] for one in seen)
