"""Turns as Converse's messages: order, blanks, images, documents, signatures."""

import base64

import pytest

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Document, Image, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.models import ModelFlags
from tests.unit.dialects.bedrock_converse.judge import (
    CALL,
    NEWEST,
    PLAIN,
    QUESTION,
    RESULTS,
    SONNET,
    TOOL,
    USER,
    sent,
    write,
)

PNG = Image(media_type="image/png", data="iVBORw0KGgo=")


def user(*parts: Part) -> Turn:
    return Turn(role=Role.USER, parts=parts)


def assistant(*parts: Part) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=parts)


def test_turns_are_merged_results_come_first_and_blanks_are_left_out() -> None:
    system = {"role": "system", "content": "one"}
    late = {"role": "developer", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "two"}]}
    body, dropped = write(system, USER, {"role": "user", "content": "there"}, CALL, *RESULTS, USER, late, tools=[TOOL])
    assert body["system"] == [{"text": "one"}, {"text": "two"}]
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"text": "there"}]
    last = body["messages"][2]["content"]
    assert [next(iter(block)) for block in last] == ["toolResult", "toolResult", "text"]
    assert last[0]["toolResult"] == {"toolUseId": "a", "content": [{"text": "42"}]}
    uses = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    assert uses == [block["toolResult"]["toolUseId"] for block in last[:2]]
    assert dropped == []


def test_signed_thoughts_go_back_byte_for_byte_and_unsigned_ones_stay() -> None:
    thoughts = (
        Reasoning(text="hm", signature="s=="),
        Reasoning(text="lost"),
        Reasoning(redacted="cmVk"),
        Text(text="a "),
    )
    body = sent(QUESTION, assistant(*thoughts), flags=SONNET).body
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s=="}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
    ]


def test_an_image_is_sent_as_base64_with_its_format() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/4AAQ"}}
    body, _ = write({"role": "user", "content": [part]})
    assert body["messages"][0]["content"] == [{"image": {"format": "jpeg", "source": {"bytes": "/9j/4AAQ"}}}]


def test_a_family_gets_its_own_signatures_back_and_no_others() -> None:
    thoughts = (
        Reasoning(text="claude", signature="s=="),
        Reasoning(text="converse", signature="ni1.b.t=="),
        Reasoning(text="gemini", signature="ni1.g.u=="),
        Reasoning(redacted="ni1.b.cmVk"),
        Reasoning(redacted="ni1.g.c.cmVk"),
        Text(text="a"),
    )
    told = sent(QUESTION, assistant(*thoughts), QUESTION).body["messages"][1]["content"]
    assert told == [
        {"reasoningContent": {"reasoningText": {"text": "converse", "signature": "t=="}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
    ]
    told = sent(QUESTION, assistant(*thoughts), QUESTION, flags=SONNET).body["messages"][1]["content"]
    assert told == [{"reasoningContent": {"reasoningText": {"text": "claude", "signature": "s=="}}}, {"text": "a"}]


@pytest.mark.parametrize("parts", [(), (Text(text=""),), (Text(text=" \n"),)])
def test_a_result_that_says_nothing_holds_a_block_all_the_same(parts: tuple[Text, ...]) -> None:
    body = sent(
        QUESTION, assistant(ToolCall(id="a", name="f", arguments={})), user(ToolResult(id="a", parts=parts))
    ).body
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "(empty)"}]


def test_a_tool_result_may_hold_images_and_documents() -> None:
    result = ToolResult(id="a", parts=(Text(text="see"), PNG, Document(text="doc", name="a.txt")), is_error=True)
    body = sent(QUESTION, assistant(ToolCall(id="a", name="f", arguments={})), user(result)).body
    assert body["messages"][2]["content"][0]["toolResult"] == {
        "toolUseId": "a",
        "content": [
            {"text": "see"},
            {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
            {"document": {"format": "txt", "name": "a-txt", "source": {"bytes": "ZG9j"}}},
        ],
        "status": "error",
    }


def test_documents_are_named_apart_in_the_letters_that_bedrock_takes() -> None:
    names = ["r\u00e9sum\u00e9  (final).pdf", "r_sum_ (final).pdf", "", "", "x" * 500]
    documents = [Document(media_type="application/pdf", data="JVBERi0=", name=name) for name in names]
    content = sent(user(Text(text="read"), *documents)).body["messages"][0]["content"]
    told = [block["document"]["name"] for block in content[1:]]
    assert told == ["r-sum- (final)-pdf", "r-sum- (final)-pdf (2)", "document", "document (2)", "x" * 190]
    assert content[1]["document"]["source"] == {"bytes": "JVBERi0="}


def test_a_text_document_is_sent_as_bytes() -> None:
    part = Document(media_type="text/csv", text="a,b\n\u00e9", name="t")
    block = sent(user(Text(text="read"), part)).body["messages"][0]["content"][1]["document"]
    assert block["format"] == "csv"
    assert base64.b64decode(block["source"]["bytes"]).decode() == "a,b\n\u00e9"


def test_a_prefill_loses_the_white_space_behind_it() -> None:
    assert sent(QUESTION, assistant(Text(text="{ \n"))).body["messages"][-1]["content"] == [{"text": "{"}]


@pytest.mark.parametrize(
    ("turns", "flags"),
    [
        ((user(PNG),), ModelFlags(vision=False)),
        (
            (QUESTION, assistant(ToolCall(id="a", name="f", arguments={})), user(ToolResult(id="a", parts=(PNG,)))),
            ModelFlags(vision=False),
        ),
        ((user(Image(url="https://h/x.png")),), PLAIN),
        ((user(Text(text="t"), Document(url="https://h/x.pdf")),), PLAIN),
        ((user(Text(text="t"), Document(media_type="application/zip", data="AAAA")),), PLAIN),
        ((user(Document(text="t")),), PLAIN),
        ((QUESTION, assistant(Text(text="{"))), NEWEST),
    ],
)
def test_what_the_model_could_not_take_is_refused_before_it_is_sent(turns: tuple[Turn, ...], flags: ModelFlags) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent(*turns, flags=flags)
    assert refused.value.param == "messages"


@pytest.mark.parametrize(
    ("said", "told"), [("no", ["Error:", "no"]), ("Error: no", ["Error: no"]), ("", ["Error:", "(empty)"])]
)
def test_a_model_that_knows_no_failed_results_is_told_in_words(said: str, told: list[str]) -> None:
    call = ToolCall(id="a", name="f", arguments={})
    result = ToolResult(id="a", parts=(Text(text=said),), is_error=True)
    body = sent(QUESTION, assistant(call), user(result), flags=ModelFlags(error_results=False)).body
    content = [{"text": each} for each in told]
    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "a", "content": content}}]


def test_where_results_stand_alone_the_assistant_stands_between_them_and_what_was_said() -> None:
    body, _ = write(USER, CALL, *RESULTS, USER, tools=[TOOL], flags=ModelFlags(results_alone=True))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == ["toolResult", "toolResult"]
    assert body["messages"][4]["content"] == [{"text": "hi"}]
    assert len(write(USER, CALL, *RESULTS, tools=[TOOL], flags=ModelFlags(results_alone=True))[0]["messages"]) == 3
