"""What the router may know of a body, in either caller's dialect: counted once, nothing kept but the last turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Operation, Shape
from libs.contracts.turns import both_ends

MAX_MESSAGES = 2_000
MAX_ANTHROPIC_MESSAGES = 100_000  # the dialect's own limit; clients that are agents come near ours
_MOST = (1 << 32) - 1
_FIELD_REQUIRED = "max_tokens: Field required; say how many tokens the answer may have at most"


@dataclass(kw_only=True, slots=True)
class _Counted:
    """Of everything that was said."""

    text_bytes: int = 0
    images: int = 0
    links: int = 0
    image_bytes: int = 0  # as they are encoded, of those that are carried in the body
    audio: int = 0
    last_turn: str = ""
    tool_loop: bool = False  # what was said last is the result of a tool

    def text(self, text: str) -> None:
        self.text_bytes += len(text) if text.isascii() else len(text.encode(errors="replace"))

    def carries(self, kind: str, part: Mapping[str, Any]) -> None:
        if kind == "input_audio":
            self.audio += 1
        else:
            self.image(part)

    def image(self, part: Mapping[str, Any]) -> None:
        self.images += 1
        self.links += _is_link(part)
        self.image_bytes += _carried(part)

    def shape(self, tools: Any, *, schema: bool, max_tokens: int, choices: int = 0, thinking: bool) -> Shape:
        return Shape(
            text_bytes=min(self.text_bytes, _MOST),
            last_user_turn=both_ends(self.last_turn),
            images=self.images,
            image_links=self.links,
            tools=len(tools) if isinstance(tools, list) else 0,
            schema=schema,
            max_tokens=min(max_tokens, _MOST),
            image_bytes=self.image_bytes,
            choices=choices,
            thinking=thinking,
            tool_loop=self.tool_loop,
            audio=self.audio,
        )


def of_openai_chat(body: Mapping[str, Any]) -> Shape:
    """The shape but for what stands outside the messages. Raises InvalidRequest naming the member."""
    counted = _Counted()
    for message in _messages(body, MAX_MESSAGES):
        said = message.get("content")
        turn = ""
        for part in (said,) if isinstance(said, str) else _dicts(said):
            text = part if isinstance(part, str) else part.get("text")
            if isinstance(text, str):
                counted.text(text)
                turn = turn or text
            if isinstance(part, dict) and (kind := part.get("type")) in ("image_url", "image", "input_audio"):
                counted.carries(kind, part)
        counted.tool_loop = message["role"] in ("tool", "function")
        if message["role"] == "user" and turn:
            counted.last_turn = turn
    tokens = _tokens(body, "max_completion_tokens") or _tokens(body, "max_tokens")
    return counted.shape(
        body.get("tools"),
        schema=isinstance(body.get("response_format"), dict),
        max_tokens=tokens or 0,
        choices=_choices(body.get("n")),
        thinking=body.get("reasoning_effort") not in (None, "none") or body.get("reasoning") is not None,
    )


def of_anthropic_messages(body: Mapping[str, Any], operation: Operation) -> Shape:
    """The same of Anthropic's body, system prompt and results of tools included. Raises InvalidRequest."""
    counted = _Counted()
    _count(body.get("system"), counted)
    for message in _messages(body, MAX_ANTHROPIC_MESSAGES):
        said = message.get("content")
        _count(said, counted)
        counted.tool_loop = any(block.get("type") == "tool_result" for block in _dicts(said))
        if message["role"] == "user" and (turn := _turn(said)):
            counted.last_turn = turn
    tokens = _tokens(body, "max_tokens")
    if tokens is None and operation == Operation.OPERATION_GENERATE:
        raise InvalidRequest(_FIELD_REQUIRED, param="max_tokens")
    given = body.get("output_config")
    config = given if isinstance(given, dict) else {}
    schema = any(isinstance(each, dict) for each in (config.get("format"), body.get("output_format")))
    thinking = body.get("thinking")
    return counted.shape(
        body.get("tools"),
        schema=schema,
        max_tokens=tokens or 0,
        thinking=(isinstance(thinking, dict) and thinking.get("type") != "disabled") or "effort" in config,
    )


def _messages(body: Mapping[str, Any], most: int) -> Iterator[dict[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("`messages` must be a list with at least one message", param="messages")
    if len(messages) > most:
        raise InvalidRequest(f"`messages` holds more than {most} messages", param="messages")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            where = f"messages[{place}]"
            raise InvalidRequest(f"every message must be an object with a `role`; {where} is not one", param=where)
        yield message


def _tokens(body: Mapping[str, Any], name: str) -> int | None:
    """None where it is not given; 0 is a number."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest(f"`{name}` must be a positive whole number", param=name)
    return value


def _choices(value: Any) -> int:
    """How many answers are asked for; what cannot be is the provider's to refuse."""
    return value if isinstance(value, int) and 1 < value <= _MOST else 0


def _count(content: Any, counted: _Counted) -> None:
    """Texts and images of a content at every depth: results of tools, documents and search results hold blocks too.

    A stack of its own, because a body may be nested deeper than Python likes to call.
    """
    left = [content]
    while left:
        found = left.pop()
        if isinstance(found, str):
            counted.text(found)
        elif isinstance(found, list):
            left += _dicts(found)
        elif isinstance(found, dict):
            if isinstance(text := found.get("text"), str):
                counted.text(text)
            if found.get("type") == "image":
                counted.image(found)
            left.append(found.get("content"))
            if isinstance(source := found.get("source"), dict):
                left.append(source.get("content"))
                if source.get("type") == "text":
                    left.append(source.get("data"))


def _turn(content: Any) -> str:
    """What the user says: the last text, for agents put their own reminders before it; no result of a tool."""
    if isinstance(content, str):
        return content
    texts = [block["text"] for block in _dicts(content) if isinstance(block.get("text"), str) and block["text"]]
    return texts[-1] if texts else ""


def _dicts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _is_link(part: Mapping[str, Any]) -> bool:
    """Whether an image is named by a URL, of whatever scheme, and not carried in the body."""
    for place in (part.get("image_url"), part.get("source")):
        url = place.get("url") if isinstance(place, dict) else place
        if isinstance(url, str) and url[:5].lower() != "data:":
            return True
    return False


def _carried(part: Mapping[str, Any]) -> int:
    """Bytes of an image that is in the body itself, as it is encoded there; 0 for one that is named by a URL."""
    image, source = part.get("image_url"), part.get("source")
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str):
        return len(url) if url[:5].lower() == "data:" else 0
    data = source.get("data") if isinstance(source, dict) else None
    return len(data) if isinstance(data, str) else 0
