"""Token counts told by size: near the truth for words, never nothing for what is seen."""

import base64

from libs.dialects.anthropic_messages.estimate import estimated_tokens
from libs.dialects.form import Document, Image, Part, Request, Role, Text, Tool, ToolCall, ToolResult, Turn


def count(*parts: Part, **more: object) -> int:
    turn = Turn(role=Role.USER, parts=parts)
    return estimated_tokens(Request(turns=(turn,), **more))  # type: ignore[arg-type]


def test_words_count_by_their_bytes_and_each_message_a_little() -> None:
    assert count(Text(text="a" * 400)) == 104
    assert count(Text(text="a" * 401)) == 105
    assert count(Text(text="é" * 200)) == 104
    assert count(Text(text="a"), system=(Text(text="a" * 399),)) == 108


def test_images_and_pdfs_count_by_what_they_come_to_and_not_by_their_base64() -> None:
    large = Image(media_type="image/png", data="A" * 4_000_000)
    assert count(large) == count(Image(url="https://h/i")) == 1604
    pdf = base64.b64encode(bytes(100_000)).decode()
    assert count(Document(media_type="application/pdf", data=pdf)) == 4004
    assert count(Document(url="https://h/d.pdf")) == 2004
    assert count(Document(text="a" * 400)) == 104


def test_tools_calls_and_results_count_too() -> None:
    tool = Tool(name="f", description="d" * 100, schema={"type": "object"})
    assert count(Text(text="a"), tools=(tool,)) > count(Text(text="a")) + 30
    assert count(ToolCall(id="a", name="f", arguments={"x": "y" * 400})) > 100
    inside = ToolResult(id="a", parts=(Text(text="a" * 400), Image(url="https://h/i")))
    assert count(inside) == 1704
