"""Anthropic's `messages` and `system` as turns of the form: blocks checked one by one, each with its path."""

from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import flag, items, members, named, text, wrong
from libs.dialects.form import Cache, Document, Image, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.images import PDF, checked_image, checked_link, checked_pdf

MESSAGES_LIMIT = 100_000  # Anthropic's own
_SHOWN = "text image document search_result".split()
_IN_RESULTS = [*_SHOWN, "tool_reference"]
_OF_USERS = [*_SHOWN, "tool_result"]
_OF_ASSISTANTS = "text tool_use thinking redacted_thinking".split()
# Members that are known of each.
_MESSAGE = frozenset(("role", "content"))
_TEXT = frozenset("type text cache_control citations".split())
_RESULT = frozenset("type tool_use_id content is_error cache_control".split())
_CALL = frozenset("type id name input cache_control caller".split())
_THINKING = frozenset("type thinking signature".split())
_REDACTED = frozenset(("type", "data"))
_IMAGE = frozenset("type source cache_control transformations".split())
_DOCUMENT = frozenset("type source cache_control citations context title".split())
_REFERENCE = frozenset("type tool_name cache_control".split())
_SEARCH_RESULT = frozenset("type source title content cache_control citations".split())


def read_system(value: object, hints: dict[str, Any]) -> tuple[Text, ...]:
    """A string, or blocks of text; blank ones say nothing."""
    return tuple(part for part in _texts(value, "system", hints) if part.text.strip())


def read_messages(value: object, hints: dict[str, Any]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """System texts from among the messages, and turns, in order; every call has its result and every result its call.

    What is read over because no other format has it goes into `hints`, under the name of the member.
    """
    messages = items(value, "messages")
    if not 0 < len(messages) <= MESSAGES_LIMIT:
        raise wrong("messages", f"hold from 1 to {MESSAGES_LIMIT:,} messages")
    conversation = _Conversation(hints)
    for at, each in enumerate(messages):
        path = f"messages.{at}"
        conversation.take(members(each, path), path, last=at + 1 == len(messages))
    conversation.close()
    return tuple(conversation.system), tuple(conversation.turns)


class _Conversation:
    """Turns as they are read, and the calls that still want their result (neighbours of one role are one turn)."""

    def __init__(self, hints: dict[str, Any]) -> None:
        self.system: list[Text] = []
        self.turns: list[Turn] = []
        self._hints = hints
        self._unanswered: dict[str, str] = {}  # id -> path of the call

    def take(self, message: dict[str, Any], path: str, *, last: bool) -> None:
        known(message, _MESSAGE, path)
        content = message.get("content")
        match message.get("role"):
            case "system":
                self.system += [part for part in _texts(content, f"{path}.content", self._hints) if part.text.strip()]
            case "user":
                self._user(content, f"{path}.content")
            case "assistant":
                self._assistant(content, f"{path}.content", last=last)
            case _:
                raise wrong(f"{path}.role", "be one of user, assistant, system")

    def close(self) -> None:
        for path in self._unanswered.values():
            raise wrong(path, "be answered by a 'tool_result' with its id in the next user message")

    def _user(self, content: object, path: str) -> None:
        if isinstance(content, str):
            self.turns.append(Turn(role=Role.USER, parts=(_not_blank(Text(text=content), path),)))
            return
        parts: list[Part] = []
        for block, at in _blocks(content, path):
            match kind(block, at, _OF_USERS):
                case "tool_result":
                    parts.append(self._result(block, at))
                case "text":
                    parts.append(_not_blank(_text(block, at, self._hints), at))
                case _:
                    parts += [_not_blank(part, at) for part in _user_parts(block, at, self._hints)]
        if not parts:
            raise wrong(path, "hold at least one block")
        self.turns.append(Turn(role=Role.USER, parts=tuple(parts)))

    def _result(self, block: dict[str, Any], path: str) -> ToolResult:
        known(block, _RESULT, path)
        call = named(block.get("tool_use_id"), path, "tool_use_id")
        if self._unanswered.pop(call, None) is None:
            raise wrong(f"{path}.tool_use_id", "answer a 'tool_use' of the assistant message before it, once")
        parts: list[Text | Image | Document] = []
        content = block.get("content")
        if isinstance(content, str):
            parts.append(Text(text=content))
        elif content is not None:
            for inner, at in _blocks(content, f"{path}.content"):
                kind(inner, at, _IN_RESULTS)
                parts += _user_parts(inner, at, self._hints)
        failed = flag(block.get("is_error") or False, path, "is_error")
        return ToolResult(id=call, parts=tuple(parts), is_error=failed, cache=read_cache(block, path))

    def _assistant(self, content: object, path: str, *, last: bool) -> None:
        if self.turns and self.turns[-1].role is Role.USER:
            self.close()
        if not last and (content == [] or (isinstance(content, str) and not content.strip())):
            raise wrong(path, "not be empty, except in the last message")
        parts: list[Part]
        if isinstance(content, str):
            parts = [Text(text=content)] if content.strip() else []
        else:
            parts = [part for block, at in _blocks(content, path) for part in self._assistant_parts(block, at)]
        if parts:
            self.turns.append(Turn(role=Role.ASSISTANT, parts=tuple(parts)))

    def _assistant_parts(self, block: dict[str, Any], path: str) -> list[Part]:
        match kind(block, path, _OF_ASSISTANTS):
            case "text":
                part = _text(block, path, self._hints)
                return [part] if part.text.strip() else []  # models do write blank blocks; nobody takes them back
            case "tool_use":
                return [self._call(block, path)]
            case "thinking":
                known(block, _THINKING, path)
                thought = text(block.get("thinking"), path, "thinking")
                return [Reasoning(text=thought, signature=text(block.get("signature") or "", path, "signature"))]
            case _:
                known(block, _REDACTED, path)
                return [Reasoning(redacted=named(block.get("data"), path, "data"))]

    def _call(self, block: dict[str, Any], path: str) -> ToolCall:
        known(block, _CALL, path)
        if block.get("caller") not in (None, {"type": "direct"}):
            raise wrong(f"{path}.caller", "be left out on this route: its tools are called by the model alone")
        call_id = named(block.get("id"), path, "id")
        if call_id in self._unanswered:
            raise wrong(f"{path}.id", "be an id of its own")
        self._unanswered[call_id] = path
        name = named(block.get("name"), path, "name")
        given = members(block.get("input"), path, "input")
        return ToolCall(id=call_id, name=name, arguments=given, cache=read_cache(block, path))


# --- blocks -------------------------------------------------------------------------------------------------------


def known(block: dict[str, Any], names: frozenset[str], path: str) -> None:
    """InvalidRequest over a member that would be lost: only Anthropic knows what it means."""
    if block.keys() <= names:
        return
    for name, value in block.items():
        if value is not None and name not in names:
            told = f"'{path}' has members that this route cannot honour: leave them out, or choose one of Anthropic's."
            raise InvalidRequest(told, param=f"{path}.{name[:64]}")


def kind(block: dict[str, Any], path: str, kinds: list[str]) -> str:
    given = block.get("type")
    if given not in kinds:
        raise wrong(f"{path}.type", f"be one of {', '.join(kinds)} here, on this route")
    return str(given)


def read_cache(block: dict[str, Any], path: str) -> Cache:
    """`path` is that of the block, "" for the body itself."""
    value = block.get("cache_control")
    if value is None:
        return Cache.NONE
    path = f"{path}.cache_control".lstrip(".")
    match members(value, path):
        case {"type": "ephemeral", "ttl": "5m" | None}:
            return Cache.SHORT
        case {"type": "ephemeral", "ttl": "1h"}:
            return Cache.LONG
        case {"type": "ephemeral"} as given if "ttl" not in given:
            return Cache.SHORT
        case _:
            raise wrong(path, "be of type 'ephemeral', with a 'ttl' of 5m or 1h if any")


def _blocks(content: object, path: str) -> list[tuple[dict[str, Any], str]]:
    """Each block with its path; a string is one block of text."""
    if isinstance(content, str):
        return [({"type": "text", "text": content}, path)]
    if not isinstance(content, list):
        raise wrong(path, "be a string or a list of blocks")
    return [(members(block, where := f"{path}.{at}"), where) for at, block in enumerate(content)]


def _texts(value: object, path: str, hints: dict[str, Any]) -> list[Text]:
    if isinstance(value, str):
        return [Text(text=value)]
    blocks = _blocks(value, path)
    for block, at in blocks:
        kind(block, at, ["text"])
    return [_text(block, at, hints) for block, at in blocks]


def _text(block: dict[str, Any], path: str, hints: dict[str, Any]) -> Text:
    known(block, _TEXT, path)
    if block.get("citations"):
        hints["citations"] = True
    return Text(text=text(block.get("text"), path, "text"), cache=read_cache(block, path))


def _not_blank(part: Text | Image | Document, path: str) -> Text | Image | Document:
    if isinstance(part, Text) and not part.text.strip():
        raise wrong(path, "not be blank")
    return part


def _user_parts(block: dict[str, Any], path: str, hints: dict[str, Any]) -> list[Text | Image | Document]:
    match block.get("type"):
        case "text":
            return [_text(block, path, hints)]
        case "image":
            return [_image(block, path, hints)]
        case "document":
            return _document(block, path, hints)
        case "tool_reference":
            known(block, _REFERENCE, path)
            found = named(block.get("tool_name"), path, "tool_name")
            return [Text(text=f"The tool {found} can be called now.", cache=read_cache(block, path))]
        case _:
            return [_search_result(block, path, hints)]


def _image(block: dict[str, Any], path: str, hints: dict[str, Any]) -> Image:
    known(block, _IMAGE, path)
    if block.get("transformations"):
        hints["transformations"] = True
    source, at = members(block.get("source"), f"{path}.source"), f"{path}.source"
    cache = read_cache(block, path)
    match source.get("type"):
        case "base64":
            data = text(source.get("data"), f"{at}.data")
            image = checked_image(text(source.get("media_type"), f"{at}.media_type"), data, f"{at}.data")
            return Image(media_type=image.media_type, data=data, cache=cache)
        case "url":
            return Image(url=checked_link(named(source.get("url"), f"{at}.url"), f"{at}.url"), cache=cache)
        case _:
            raise wrong(f"{at}.type", "be one of base64, url on this route")


def _document(block: dict[str, Any], path: str, hints: dict[str, Any]) -> list[Text | Image | Document]:
    known(block, _DOCUMENT, path)
    if block.get("citations") not in (None, {"enabled": False}):
        hints["citations"] = True
    source, at = members(block.get("source"), f"{path}.source"), f"{path}.source"
    name, cache = text(block.get("title") or "", f"{path}.title"), read_cache(block, path)
    context = text(block.get("context") or "", f"{path}.context")
    before: list[Text | Image | Document] = [Text(text=context)] if context.strip() else []
    match source.get("type"):
        case "base64":
            data = checked_pdf(text(source.get("data"), f"{at}.data"), f"{at}.data")
            return [*before, Document(media_type=PDF, data=data, name=name, cache=cache)]
        case "text":
            said = named(source.get("data"), f"{at}.data")
            return [*before, Document(media_type="text/plain", text=said, name=name, cache=cache)]
        case "url":
            link = checked_link(named(source.get("url"), f"{at}.url"), f"{at}.url")
            return [*before, Document(media_type=PDF, url=link, name=name, cache=cache)]
        case "content":
            return [*before, *_inline(source.get("content"), f"{at}.content", name, cache, hints)]
        case _:
            raise wrong(f"{at}.type", "be one of base64, text, url, content on this route")


def _inline(
    content: object, path: str, name: str, cache: Cache, hints: dict[str, Any]
) -> list[Text | Image | Document]:
    """A document made of blocks: of text alone it stays a document; with images it goes in as what it holds."""
    parts: list[Text | Image | Document] = []
    for block, at in _blocks(content, path):
        kind(block, at, ["text", "image"])
        parts += _user_parts(block, at, hints)
    said = [part.text for part in parts if isinstance(part, Text)]
    if len(said) < len(parts):
        return [Text(text=name), *parts] if name.strip() else parts
    if not "".join(said).strip():
        raise wrong(path, "hold some text")
    return [Document(media_type="text/plain", text="\n\n".join(said), name=name, cache=cache)]


def _search_result(block: dict[str, Any], path: str, hints: dict[str, Any]) -> Text:
    """Elsewhere a search result is a text like any other: its title, where it is from, what it says."""
    known(block, _SEARCH_RESULT, path)
    if block.get("citations") not in (None, {"enabled": False}):
        hints["citations"] = True
    said = [part.text for part in _texts(block.get("content"), f"{path}.content", hints)]
    head = [named(block.get("title"), f"{path}.title"), named(block.get("source"), f"{path}.source")]
    return Text(text="\n".join([*head, *said]), cache=read_cache(block, path))
