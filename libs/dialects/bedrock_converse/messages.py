"""Turns of the form as Converse's `messages` and `system`: runs merged, results first, nothing blank."""

from itertools import groupby
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.bedrock_converse.blocks import BlockWriter, family
from libs.dialects.bedrock_converse.caching import mark_of, point
from libs.dialects.calls import told_apart
from libs.dialects.form import Reasoning, Request, Role, ToolCall, ToolResult, Turn
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked


def write_system(request: Request, model: ModelFlags) -> list[dict[str, Any]]:
    texts = [part for part in request.system if part.text.strip()]
    return [block for part in texts for block in ({"text": part.text}, *point(part.cache, model))]


def write_messages(turns: tuple[Turn, ...], model: ModelFlags) -> list[dict[str, Any]]:
    """Converse wants user and assistant to alternate, the user first. InvalidRequest where no turn of a user begins."""
    messages: list[dict[str, Any]] = []
    writer = BlockWriter(model)
    for role, run in groupby(told_apart(turns), key=lambda turn: turn.role):
        # sorted() is stable: results keep their order, and so does what follows them.
        parts = sorted((part for turn in run for part in turn.parts), key=lambda part: not isinstance(part, ToolResult))
        content: list[dict[str, Any]] = []
        for part in parts:
            if blocks := writer.write(part):
                content += blocks + point(mark_of(part), model)
        if not content:
            continue
        if messages and messages[-1]["role"] == role.value:  # what stood between was blank
            messages[-1]["content"] += content
        else:
            messages.append({"role": role.value, "content": content})
    if not messages or messages[0]["role"] != Role.USER.value:
        told = "On this route the conversation must begin with a user message that is not empty."
        raise InvalidRequest(told, param="messages")
    _check_documents(messages)
    _end(messages[-1], model)
    return messages


def _check_documents(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        kinds = {kind for block in message["content"] for kind in block}
        if "document" in kinds and not kinds & {"text", "toolResult"}:
            told = "On this route a message with a document must hold some text as well: say what to do with it."
            raise InvalidRequest(told, param="messages")


def _end(last: dict[str, Any], model: ModelFlags) -> None:
    """An assistant's last message is to be continued; Claude refuses one that ends in white space."""
    if last["role"] != Role.ASSISTANT.value:
        return
    if not model.prefill:
        told = "This model does not continue an assistant message: end the conversation with a user message."
        raise InvalidRequest(told, param="messages")
    block: dict[str, Any] = next((block for block in reversed(last["content"]) if "cachePoint" not in block), {})
    if "text" in block:
        block["text"] = block["text"].rstrip()


def called_tools(turns: tuple[Turn, ...]) -> list[str]:
    """Names of the tools that the history calls, each once, in order."""
    return list(dict.fromkeys(part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)))


def answers_unsigned_call(turns: tuple[Turn, ...], model: ModelFlags) -> bool:
    """Whether the last turns answer calls whose thoughts are gone: Claude refuses to go on thinking from there."""
    last = next((turn for turn in reversed(turns) if turn.role is Role.ASSISTANT), None)
    if last is None or not any(isinstance(part, ToolResult) for turn in turns[-1:] for part in turn.parts):
        return False
    thoughts = [part for part in last.parts if isinstance(part, Reasoning)]
    owner = family(model)
    return not any(unmarked(owner, part.signature) or unmarked(owner, part.redacted) for part in thoughts)
