"""Turns of the form as Converse's `messages` and `system`: runs merged, results first, nothing blank."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.bedrock_converse.blocks import BlockWriter, family
from libs.dialects.bedrock_converse.caching import mark_of, point
from libs.dialects.calls import told_apart
from libs.dialects.form import Reasoning, Request, Role, ToolCall, ToolResult, Turn
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked

_ROLE = attrgetter("role")
_PAUSE = {"text": "."}  # white space alone would be refused


def write_system(request: Request, model: ModelFlags) -> list[dict[str, Any]]:
    texts = [part for part in request.system if part.text.strip()]
    return [block for part in texts for block in ({"text": part.text}, *point(part.cache, model))]


def write_messages(turns: tuple[Turn, ...], model: ModelFlags) -> list[dict[str, Any]]:
    """Converse wants user and assistant to alternate, the user first. InvalidRequest where no turn of a user begins."""
    messages: list[dict[str, Any]] = []
    writer = BlockWriter(model)
    for role, run in groupby(told_apart(turns), key=_ROLE):
        parts = [part for turn in run for part in turn.parts]
        if role is Role.USER and len(parts) > 1:
            # sort() is stable: results keep their order, and so does what follows them.
            parts.sort(key=lambda part: not isinstance(part, ToolResult))
        content: list[dict[str, Any]] = []
        for part in parts:
            if blocks := writer.write(part):
                content += blocks
                if mark := mark_of(part):
                    content += point(mark, model)
        if not content:
            continue
        name = "user" if role is Role.USER else "assistant"
        if messages and messages[-1]["role"] == name:  # what stood between was blank
            messages[-1]["content"] += content
        else:
            messages.append({"role": name, "content": content})
    if not messages or messages[0]["role"] != "user":
        told = "On this route the conversation must begin with a user message that is not empty."
        raise InvalidRequest(told, param="messages")
    if model.results_alone:
        messages = [each for message in messages for each in _apart(message)]
    _check_documents(messages)
    _end(messages[-1], model)
    return messages


def _apart(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Bedrock puts neighbours of a role together again, so that the assistant has to stand between them."""
    results = [block for block in message["content"] if "toolResult" in block]
    others = [block for block in message["content"] if "toolResult" not in block]
    if not results or not others:
        return [message]
    between = {"role": "assistant", "content": [_PAUSE]}
    return [{"role": "user", "content": results}, between, {"role": "user", "content": others}]


def _check_documents(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        kinds = set().union(*message["content"])
        if "document" in kinds and not kinds & {"text", "toolResult"}:
            told = "On this route a message with a document must hold some text as well: say what to do with it."
            raise InvalidRequest(told, param="messages")


def _end(last: dict[str, Any], model: ModelFlags) -> None:
    """An assistant's last message is to be continued; Claude refuses one that ends in white space."""
    if last["role"] != "assistant":
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
