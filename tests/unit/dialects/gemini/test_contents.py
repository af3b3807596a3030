"""Turns as Gemini's contents: roles, results and their calls, media, signatures."""

from typing import Any

import pytest

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Document, Image, Part, Reasoning, Text, ToolResult, Turn
from libs.dialects.gemini.contents import UNSIGNED
from libs.dialects.models import ModelFlags
from tests.unit.dialects.gemini.judge import (
    FLASH,
    GEMINI_3,
    QUESTION,
    assistant,
    call,
    contents,
    result,
    sent,
    user,
)

PNG = Image(media_type="image/png", data="iVBORw0KGgo=")
INLINE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


def response(name: str, **told: str) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": told}}


def test_runs_of_a_role_are_merged_and_blanks_left_out() -> None:
    told = sent(
        user(Text(text="a")),
        assistant(Text(text=" ")),
        user(Text(text="\n"), Text(text="b")),
        assistant(Text(text="c")),
        system=(Text(text="one"), Text(text=""), Text(text="two")),
    ).body
    assert told["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert told["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]


def test_results_find_their_names_stand_first_and_in_the_order_of_the_calls() -> None:
    told = contents(
        QUESTION,
        assistant(call("1", "f"), call("2", "g"), call("3", "f")),
        user(Text(text="and"), result("3"), result("2"), result("1")),
    )
    assert told[1]["parts"][1] == {"functionCall": {"name": "g", "args": {"x": "2"}}}
    assert told[2]["parts"] == [
        response("f", result="did 1"),
        response("g", result="did 2"),
        response("f", result="did 3"),
        {"text": "and"},
    ]


def test_an_id_used_again_names_the_latest_call() -> None:
    told = contents(
        QUESTION, assistant(call("1", "f")), user(result("1")), assistant(call("1", "g")), user(result("1"))
    )
    assert told[2]["parts"] == [response("f", result="did 1")]
    assert told[4]["parts"] == [response("g", result="did 1")]


def test_a_result_is_an_object_whatever_the_tool_said() -> None:
    failed = ToolResult(id="1", parts=(Text(text="no"), Text(text="way")), is_error=True)
    assert contents(QUESTION, assistant(call("1")), user(failed))[2]["parts"] == [response("f", error="no\nway")]
    silent = ToolResult(id="1", parts=())
    assert contents(QUESTION, assistant(call("1")), user(silent))[2]["parts"] == [response("f", result="")]


def test_a_results_image_stands_inside_it_from_gemini_3_on_and_beside_it_before() -> None:
    turns = (
        QUESTION,
        assistant(call("1"), call("2")),
        user(result("1", Text(text="see"), PNG), result("2", Document(text="plain"))),
    )
    beside = [response("f", result="see"), response("f", result="plain"), INLINE]
    assert contents(*turns, flags=FLASH)[2]["parts"] == beside
    inside = {"functionResponse": {"name": "f", "response": {"result": "see"}, "parts": [INLINE]}}
    assert contents(*turns, flags=GEMINI_3)[2]["parts"] == [inside, response("f", result="plain")]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (PNG, INLINE),
        (
            Image(url="https://h/a/x.WEBP?y=.png"),
            {"fileData": {"fileUri": "https://h/a/x.WEBP?y=.png", "mimeType": "image/webp"}},
        ),
        (Image(url="https://h/x"), {"fileData": {"fileUri": "https://h/x", "mimeType": "image/jpeg"}}),
        (
            Document(media_type="application/pdf", data="JVBERi0=", name="r"),
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        ),
        (
            Document(url="https://h/x.pdf"),
            {"fileData": {"fileUri": "https://h/x.pdf", "mimeType": "application/pdf"}},
        ),
        (Document(text="plain", media_type="text/plain"), {"text": "plain"}),
        (Document(media_type="text/csv", data="YSxi"), {"text": "a,b"}),
    ],
)
def test_images_and_documents(part: Part, written: dict[str, Any]) -> None:
    assert contents(user(Text(text="see"), part))[0]["parts"] == [{"text": "see"}, written]


@pytest.mark.parametrize(
    ("turns", "flags"),
    [
        ((), FLASH),
        ((assistant(Text(text="hi")), QUESTION), FLASH),
        ((user(Text(text=" ")),), FLASH),
        ((user(result("1")),), FLASH),
        ((QUESTION, user(call("1"))), FLASH),
        ((QUESTION, assistant(call("1"), result("1"))), FLASH),
        ((QUESTION, assistant(Text(text="{"))), ModelFlags(prefill=False)),
        ((user(PNG),), ModelFlags(vision=False)),
        ((user(Image(media_type="image/gif", data="R0lG")),), FLASH),
        ((user(Document(media_type="application/zip", data="AAAA")),), FLASH),
        ((user(Document(media_type="text/plain", data="/w==")),), FLASH),
        ((user(Image(url="https://[h/x.png")),), FLASH),
    ],
)
def test_what_gemini_could_not_take_is_refused_before_it_is_sent(turns: tuple[Turn, ...], flags: ModelFlags) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent(*turns, flags=flags)
    assert refused.value.param == "messages"


# --- signatures ---------------------------------------------------------------------------------------------------


def carried(value: str) -> Reasoning:
    return Reasoning(redacted=f"ni1.g.{value}")


def model_parts(*parts: Part, flags: ModelFlags = FLASH) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = contents(QUESTION, assistant(*parts), QUESTION, flags=flags)[1]["parts"]
    return told


def called(id_: str, signature: str = "") -> dict[str, Any]:
    signed = {"thoughtSignature": signature} if signature else {}
    return {"functionCall": {"name": "f", "args": {"x": id_}}, **signed}


def test_a_signature_goes_back_to_the_part_that_bore_it() -> None:
    thought = Reasoning(text="hm", signature="ni1.g.AAAA")
    parts = (thought, carried("t.BBBB"), Text(text="so"), carried("c.CCCC"), call("1"), call("2"), carried("t.DDDD"))
    assert model_parts(*parts) == [
        {"text": "hm", "thought": True, "thoughtSignature": "AAAA"},
        {"text": "so", "thoughtSignature": "BBBB"},
        called("1", "CCCC"),
        called("2"),
        {"text": "", "thoughtSignature": "DDDD"},
    ]


def test_signatures_of_other_families_and_unsigned_thoughts_stay_behind() -> None:
    parts = (
        Reasoning(text="claude", signature="Eq=="),
        Reasoning(text="converse", signature="ni1.b.Eq=="),
        Reasoning(redacted="cmVk"),
        Reasoning(text="unsigned"),
        Text(text="so"),
    )
    assert model_parts(*parts) == [{"text": "so"}]


def test_a_signature_told_ahead_and_again_before_its_call_is_sent_once() -> None:
    first = (carried("c.AAAA"), Text(text="so"), carried("c.AAAA"), call("1"), call("2"))
    assert model_parts(*first) == [{"text": "so"}, called("1", "AAAA"), called("2")]
    second = (carried("c.AAAA"), call("1"), carried("c.AAAA"), call("2"))
    assert model_parts(*second) == [called("1"), called("2", "AAAA")]


def test_signatures_told_ahead_go_to_the_calls_in_their_order() -> None:
    parts = (carried("c.AAAA"), carried("c.BBBB"), Text(text="so"), call("1"), call("2"), call("3"))
    assert model_parts(*parts) == [{"text": "so"}, called("1", "AAAA"), called("2", "BBBB"), called("3")]


def test_the_first_of_unsigned_calls_gets_the_sentinel_on_gemini_3_alone() -> None:
    turns = (QUESTION, assistant(call("1"), call("2")), user(result("1"), result("2")))
    assert contents(*turns, flags=GEMINI_3)[1]["parts"] == [called("1", UNSIGNED), called("2")]
    assert contents(*turns, flags=FLASH)[1]["parts"] == [called("1"), called("2")]


def test_no_sentinel_beside_a_signed_first_call() -> None:
    turns = (QUESTION, assistant(carried("c.AAAA"), call("1"), call("2")), user(result("1"), result("2")))
    assert contents(*turns, flags=GEMINI_3)[1]["parts"] == [called("1", "AAAA"), called("2")]


def test_the_first_call_is_signed_even_where_another_is() -> None:
    turns = (QUESTION, assistant(call("1"), carried("c.AAAA"), call("2")), user(result("1"), result("2")))
    assert contents(*turns, flags=GEMINI_3)[1]["parts"] == [called("1", UNSIGNED), called("2", "AAAA")]


def test_every_step_since_the_user_last_spoke_is_signed_and_none_before() -> None:
    turns = (
        QUESTION,
        assistant(call("1")),
        user(result("1")),
        assistant(Text(text="done")),
        QUESTION,
        assistant(call("2")),
        user(result("2"), Text(text="a reminder")),
        assistant(call("3")),
        user(result("3")),
    )
    told = contents(*turns, flags=GEMINI_3)
    signed = [part.get("thoughtSignature") for content in told for part in content["parts"] if "functionCall" in part]
    assert signed == [None, UNSIGNED, UNSIGNED]
