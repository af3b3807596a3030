"""What a request means, whatever wrote it: one plain value, and readers of the bodies that only providers read."""

from itertools import groupby
from typing import Any

import orjson

from libs.dialects.form import Image, Part, Request, Role, Text, ToolCall, ToolResult

Meaning = dict[str, Any]


class _Ordinals:
    """Calls by their place: no format has to keep another's ids, and Gemini has none."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def of(self, id_: str) -> int:
        return self._places.setdefault(id_, len(self._places))


def meaning(request: Request) -> Meaning:
    choice, format_ = request.tool_choice, request.answer_format
    return {
        "system": "\n\n".join(text.text for text in request.system),
        "turns": _turns(request),
        "tools": [(tool.name, tool.description, tool.schema) for tool in request.tools],
        "tool_choice": (choice.kind, choice.name),
        "parallel_tool_calls": request.parallel_tool_calls,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop,
        "format": format_.schema if format_ else None,
        "thinking": request.thinking.effort,
    }


def _turns(request: Request) -> list[Any]:
    ordinals = _Ordinals()
    turns: list[Any] = []
    for role, run in groupby(request.turns, key=lambda turn: turn.role):
        parts = [part for turn in run for part in turn.parts]
        said = [] if role is Role.USER else ["".join(part.text for part in parts if isinstance(part, Text))]
        turns.append((role.value, said + [each for part in parts if (each := _part(part, role, ordinals))]))
    return turns


def _part(part: Part, role: Role, ordinals: _Ordinals) -> Any:
    match part:
        case Text():
            return part.text if role is Role.USER else None
        case Image():
            return (part.media_type, part.data)
        case ToolCall():
            return (ordinals.of(part.id), part.name, part.arguments)
        case ToolResult():
            said = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
            return (ordinals.of(part.id), said, part.is_error)
        case _:
            raise AssertionError(part)


def without_error_flags(told: Meaning) -> Meaning:
    """OpenAI's results have none: the text says it."""
    turns = [(role, [_worded(part) if role == "user" else part for part in parts]) for role, parts in told["turns"]]
    return {**told, "turns": turns}


def _worded(part: Any) -> Any:
    match part:
        case (int() as call, str() as said, True):
            return (call, said if said.lower().startswith("error") else f"Error: {said}", False)
        case _:
            return part


# --- Bedrock's Converse -------------------------------------------------------------------------------------------


def converse(body: dict[str, Any]) -> Meaning:
    """Of a Claude."""
    ordinals = _Ordinals()
    inference, extra = body.get("inferenceConfig", {}), body.get("additionalModelRequestFields", {})
    tools, output = body.get("toolConfig", {}), body.get("outputConfig", {})
    schema = output.get("textFormat", {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    specs = [each["toolSpec"] for each in tools.get("tools", [])]
    return {
        "system": "\n\n".join(block["text"] for block in body.get("system", [])),
        "turns": [_converse_turn(message, ordinals) for message in body["messages"]],
        "tools": [(spec["name"], spec.get("description", ""), spec["inputSchema"]["json"]) for spec in specs],
        "tool_choice": _converse_choice(tools.get("toolChoice", {"auto": {}})),
        "parallel_tool_calls": not extra.get("tool_choice", {}).get("disable_parallel_tool_use", False),
        "max_tokens": inference.get("maxTokens"),
        "temperature": inference.get("temperature"),
        "top_p": inference.get("topP"),
        "stop": tuple(inference.get("stopSequences", [])),
        "format": orjson.loads(schema) if schema else None,
        "thinking": output.get("effort", "") if "thinking" in extra else "",
    }


def _converse_choice(choice: dict[str, Any]) -> tuple[str, str]:
    kind, value = next(iter(choice.items()))
    return {"auto": "auto", "any": "required", "tool": "tool"}[kind], value.get("name", "")


def _converse_turn(message: dict[str, Any], ordinals: _Ordinals) -> Any:
    said = [] if message["role"] == "user" else ["".join(block.get("text", "") for block in message["content"])]
    parts: list[Any] = []
    for block in message["content"]:
        match block:
            case {"text": text}:
                parts += [text] if message["role"] == "user" else []
            case {"image": {"format": kind, "source": {"bytes": data}}}:
                parts.append((f"image/{kind}", data))
            case {"toolUse": use}:
                parts.append((ordinals.of(use["toolUseId"]), use["name"], use["input"]))
            case {"toolResult": result}:
                texts = "\n".join(inner["text"] for inner in result["content"])
                parts.append((ordinals.of(result["toolUseId"]), texts, result.get("status") == "error"))
            case _:
                raise AssertionError(block)
    return message["role"], said + parts


# --- Gemini -------------------------------------------------------------------------------------------------------

_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}


def gemini(body: dict[str, Any]) -> Meaning:
    """Of a model that thinks by level."""
    config, calls = body.get("generationConfig", {}), _Calls()
    declared = [each for tool in body.get("tools", []) for each in tool["functionDeclarations"]]
    asked = body.get("toolConfig", {}).get("functionCallingConfig", {"mode": "AUTO"})
    only = asked.get("allowedFunctionNames", [""])[0]
    return {
        "system": "\n\n".join(part["text"] for part in body.get("systemInstruction", {"parts": []})["parts"]),
        "turns": [_gemini_turn(content, calls) for content in body["contents"]],
        "tools": [(each["name"], each.get("description", ""), each["parametersJsonSchema"]) for each in declared],
        "tool_choice": ("tool" if only else _MODES[asked["mode"]], only),
        "parallel_tool_calls": True,
        "max_tokens": config.get("maxOutputTokens"),
        "temperature": config.get("temperature"),
        "top_p": config.get("topP"),
        "stop": tuple(config.get("stopSequences", [])),
        "format": config.get("responseJsonSchema"),
        "thinking": config.get("thinkingConfig", {}).get("thinkingLevel", "").lower(),
    }


class _Calls:
    """Results answer calls in their order, under their names."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._answered = 0

    def call(self, name: str) -> int:
        self._names.append(name)
        return len(self._names) - 1

    def answer(self, name: str) -> int:
        assert self._names[self._answered] == name
        self._answered += 1
        return self._answered - 1


def _gemini_turn(content: dict[str, Any], calls: _Calls) -> Any:
    user = content["role"] == "user"
    said = [] if user else ["".join(part.get("text", "") for part in content["parts"])]
    parts: list[Any] = []
    for part in content["parts"]:
        match part:
            case {"text": text}:
                parts += [text] if user else []
            case {"inlineData": {"mimeType": kind, "data": data}}:
                parts.append((kind, data))
            case {"functionCall": {"name": name, "args": arguments}}:
                parts.append((calls.call(name), name, arguments))
            case {"functionResponse": {"name": name, "response": response}}:
                kind, text = next(iter(response.items()))
                parts.append((calls.answer(name), text, kind == "error"))
            case _:
                raise AssertionError(part)
    return "user" if user else "assistant", said + parts
