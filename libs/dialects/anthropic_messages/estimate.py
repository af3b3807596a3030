"""How many tokens a request is, told by its size: an estimate, for where the provider has no counter."""

import orjson

from libs.dialects.form import Document, Image, Part, Reasoning, Request, Text, ToolCall, ToolResult

_BYTES_PER_TOKEN = 4  # English and code; scripts of three bytes a letter come out near one letter a token, as they are
_PER_MESSAGE = 4
_PER_TOOL = 12  # the names and brackets around a schema
_PER_IMAGE = 1600  # what Anthropic's largest images come to after scaling
_PER_PAGE = 2000
_BYTES_PER_PAGE = 40_000  # of a PDF, on average


def estimated_tokens(request: Request) -> int:
    """Input tokens: text by its bytes, each image as a large one, PDFs by their size."""
    texts = sum(_bytes(part.text) for part in request.system)
    texts += sum(_bytes(tool.name) + _bytes(tool.description) + _json(tool.schema) for tool in request.tools)
    if request.answer_format is not None:
        texts += _json(request.answer_format.schema)
    parts = [part for turn in request.turns for part in turn.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    texts += sum(map(_text_bytes, parts))
    around = _PER_MESSAGE * (len(request.turns) + bool(request.system)) + _PER_TOOL * len(request.tools)
    return -(-texts // _BYTES_PER_TOKEN) + around + sum(map(_seen, parts))


def _text_bytes(part: Part) -> int:
    match part:
        case Text() | Document():
            return _bytes(part.text)
        case ToolCall():
            return _bytes(part.name) + _json(part.arguments)
        case Reasoning():
            return 0  # thoughts of earlier turns are not read again
        case _:
            return 0


def _seen(part: Part) -> int:
    match part:
        case Image():
            return _PER_IMAGE
        case Document() if not part.text:
            return _PER_PAGE * max(1, len(part.data) * 3 // 4 // _BYTES_PER_PAGE)
        case _:
            return 0


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _json(value: object) -> int:
    return len(orjson.dumps(value))
