"""A request of the form as Gemini gets it: google-genai's own types, which forbid what they do not know, judge it."""

from typing import Any

import orjson
from google.genai import types

from libs.dialects.form import Part, Request, Role, Text, ToolCall, ToolResult, Turn, Written
from libs.dialects.gemini.outgoing import write_request
from libs.dialects.models import ModelFlags

FLASH = ModelFlags(thinking="budget")
PRO = ModelFlags(thinking="budget", always_thinks=True, least_thinking=128)
GEMINI_3 = ModelFlags(thinking="level", always_thinks=True)
PLAIN = ModelFlags()

MEMBERS: dict[str, Any] = {
    "systemInstruction": types.Content,
    "generationConfig": types.GenerationConfig,
    "toolConfig": types.ToolConfig,
}


def user(*parts: Part) -> Turn:
    return Turn(role=Role.USER, parts=parts)


def assistant(*parts: Part) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=parts)


def call(id_: str, name: str = "f") -> ToolCall:
    return ToolCall(id=id_, name=name, arguments={"x": id_})


def result(id_: str, *parts: Any) -> ToolResult:
    return ToolResult(id=id_, parts=parts or (Text(text=f"did {id_}"),))


QUESTION = user(Text(text="q"))


def judged(written: Written) -> Written:
    body = written.body
    for content in body["contents"]:
        types.Content.model_validate_json(orjson.dumps(content))
    for tool in body.get("tools", []):
        types.Tool.model_validate_json(orjson.dumps(tool))
    for name, judge in MEMBERS.items():
        if name in body:
            judge.model_validate_json(orjson.dumps(body[name]))
    assert body.keys() <= {"contents", "tools", *MEMBERS}
    return written


def sent(*turns: Turn, flags: ModelFlags = FLASH, **more: Any) -> Written:
    return judged(write_request(Request(turns=turns, **more), flags))


def contents(*turns: Turn, flags: ModelFlags = FLASH) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = sent(*turns, flags=flags).body["contents"]
    return told


def generation(flags: ModelFlags = FLASH, **more: Any) -> dict[str, Any]:
    config: dict[str, Any] = sent(QUESTION, flags=flags, **more).body.get("generationConfig", {})
    return config
