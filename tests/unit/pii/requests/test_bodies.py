"""What is read of a request and how it is written again, in both dialects."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest, PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.dialects.anthropic_messages import outgoing as anthropic_outgoing
from libs.dialects.form import Request
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat import outgoing as openai_outgoing
from services.pii.requests.bodies import Reading, asks_for_json, read, write
from services.pii.requests.spots import Texts
from tests.support.dialect_strategies import JSON, requests
from tests.unit.pii.requests.strings import every_string

OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
DIALECTS = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
IMAGE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def said(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def called(arguments: Any) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "write", "arguments": arguments}}
    return {"messages": [{"role": "assistant", "tool_calls": [call]}]}


def arguments_of(body: dict[str, Any]) -> Any:
    return body["messages"][0]["tool_calls"][0]["function"]["arguments"]


def changed(texts: Texts, by: dict[str, str]) -> dict[str, Any]:
    return write(texts, [by.get(text.text, text.text) for text in texts.texts])


# --- calls --------------------------------------------------------------------------------------------------------


def test_arguments_keep_their_keys_and_every_other_value() -> None:
    texts = read(OPENAI, called('{"Jane": "Jane", "n": 3, "deep": [{"to": "Jane", "f": 1.5, "no": null}]}'))
    body = changed(texts, {"Jane": "Mary"})

    assert orjson.loads(arguments_of(body)) == {"Jane": "Mary", "n": 3, "deep": [{"to": "Mary", "f": 1.5, "no": None}]}


def test_arguments_in_which_nothing_is_substituted_keep_their_bytes() -> None:
    written = '{ "to" : "Jane",\n "n": 1.0 }'

    assert arguments_of(changed(read(OPENAI, called(written)), {})) == written


@pytest.mark.parametrize("written", ["to Jane", '{"to": "Jane"', '"Jane', "{" * 5_000])
def test_arguments_that_are_no_json_are_a_text(written: str) -> None:
    assert [text.text for text in read(OPENAI, called(written)).texts] == [written]


def test_arguments_may_be_an_object_as_some_send_them() -> None:
    body = changed(read(OPENAI, called({"to": "Jane"})), {"Jane": "Mary"})

    assert arguments_of(body) == {"to": "Mary"}


def test_json_inside_of_arguments_is_read_through_its_escapes() -> None:
    inner = orjson.dumps({"body": "Dear\nJane"}).decode()
    texts = read(OPENAI, called(orjson.dumps({"mail": inner}).decode()))
    body = changed(texts, {"Dear\nJane": "Dear\nMary"})

    assert [text.place for text in texts.texts] == ["messages[0].tool_calls[0].function.arguments.mail.body"]
    assert orjson.loads(orjson.loads(arguments_of(body))["mail"]) == {"body": "Dear\nMary"}


def test_json_in_json_is_opened_eight_times_and_then_is_a_text() -> None:
    written: Any = "Jane"
    for _ in range(10):
        written = orjson.dumps([written]).decode()
    (text,) = read(OPENAI, called(written)).texts

    assert text.text == orjson.dumps([orjson.dumps(["Jane"]).decode()]).decode()


def test_arguments_that_cannot_be_written_again_are_refused_by_name() -> None:
    texts = read(OPENAI, called('{"to":' + "[" * 400 + '"Jane"' + "]" * 400 + "}"))

    with pytest.raises(InvalidRequest) as refused:
        changed(texts, {"Jane": "Mary"})
    assert refused.value.param == "messages[0].tool_calls[0].function.arguments"


def test_a_result_in_json_keeps_its_bytes_where_nothing_hides_its_words() -> None:
    written = '{\n  "who": "Jane"\n}'

    assert [text.text for text in read(OPENAI, said(written)).texts] == [written]


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(4165550199, "4165550199"), (4111111111111111, "4111111111111111"), (4165550199.0, "4165550199")],
)
def test_a_number_as_long_as_a_phone_s_is_a_text(value: float, text: str) -> None:
    texts = read(ANTHROPIC, {"messages": [], "metadata": {"phone": value}})
    new = "".join(reversed(text.replace("0", "7")))
    body = changed(texts, {text: new})

    assert [each.text for each in texts.texts] == [text]
    assert body["metadata"]["phone"] == type(value)(new)
    assert type(body["metadata"]["phone"]) is type(value)


@pytest.mark.parametrize("value", [123456, -4165550199, 1e300, 4165550199.5, True, None])
def test_any_other_number_is_none(value: object) -> None:
    assert read(ANTHROPIC, {"messages": [], "metadata": {"n": value}}).texts == ()


@pytest.mark.parametrize("new", ["046454286", "46454286", "+46454286", "1٣3456789"])
def test_a_substitute_that_is_no_number_of_that_length_becomes_a_string(new: str) -> None:
    texts = read(ANTHROPIC, {"messages": [], "metadata": {"sin": 130692544}})

    assert changed(texts, {"130692544": new})["metadata"]["sin"] == new


def test_settings_are_no_text_however_long_they_are() -> None:
    assert read(OPENAI, {"messages": [], "seed": 4165550199, "unheard_of": {"at": 4165550199}}).texts == ()


# --- what says something of a text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "cue"),
    [
        ("dateOfBirth", "date of birth"),
        ("passport_no", "passport no"),
        ("SINNumber", "sin number"),
        ("téléphone", "téléphone"),
    ],
)
def test_a_value_s_own_key_tells_what_it_is(key: str, cue: str) -> None:
    texts = read(OPENAI, called(orjson.dumps({key: ["1980-01-02"]}).decode()))

    assert [text.cue for text in texts.texts] == [cue]


def test_members_of_the_dialect_are_no_cue() -> None:
    assert [text.cue for text in read(OPENAI, said("Jane")).texts] == [""]


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        ("Thanks! What is your **date of birth?**\n", "What is your **date of birth?"),
        ("What is your SIN? I need it for the form.", "What is your SIN?"),
        ("Please tell me your date of birth.", "Please tell me your date of birth."),
        ("You were born on 1984-03-12.", ""),
    ],
)
def test_a_short_turn_is_read_with_what_the_one_before_it_asks(asked: str, question: str) -> None:
    for content in (asked, [{"type": "text", "text": asked}]):
        turns = [{"role": "assistant", "content": content}, {"role": "user", "content": "1984-03-12"}]
        for dialect in (OPENAI, ANTHROPIC):
            assert [text.question for text in read(dialect, {"messages": turns}).texts] == ["", question]


def test_a_long_turn_a_result_and_an_argument_answer_nothing() -> None:
    asked = {"role": "assistant", "content": "What is your SIN?"}
    assert read(OPENAI, {"messages": [asked, {"role": "user", "content": "x" * 300}]}).texts[1].question == ""
    assert read(OPENAI, {"messages": [asked, *called('{"a": "b"}')["messages"]]}).texts[1].question == ""


def test_keys_and_names_are_kept_for_no_substitute_to_collide_with() -> None:
    texts = read(OPENAI, called('{"mason": 1}') | {"tools": [{"type": "function", "function": {"name": "hunter"}}]})

    assert {"mason", "hunter", "write"} <= set(texts.kept)


def test_keys_that_may_be_anybody_s_are_told_and_not_shown_in_places() -> None:
    texts = read(OPENAI, called('{"jane@a.example": "x", "4165550199": "y", "plain_key": "z"}'))

    assert texts.odd_keys == ("jane@a.example", "4165550199")
    assert [text.place[44:] for text in texts.texts] == [".*", ".*", ".plain_key"]


def test_a_long_place_is_cut() -> None:
    texts = read(OPENAI, {"messages": [], "x": orjson.loads('{"a":' * 200 + '"Jane"' + "}" * 200)})

    assert len(texts.texts[0].place) == 201


def test_what_stays_the_same_in_every_turn_is_read_first() -> None:
    body = {"messages": [{"role": "user", "content": "Jane"}], "user": "mary", "stop": "doe"}

    assert [text.text for text in read(OPENAI, body).texts] == ["mary", "doe", "Jane"]


# --- thoughts and files -------------------------------------------------------------------------------------------


def test_a_signed_thought_stays_and_is_told() -> None:
    block = {"type": "thinking", "thinking": "of Mary", "signature": "c2ln"}
    texts = read(ANTHROPIC, said([block]))

    assert texts.texts == ()
    assert [(text.place, text.text) for text in texts.sealed] == [("messages[0].content[0].thinking", "of Mary")]
    assert "of Mary" not in texts.kept


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        (OPENAI, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
        (OPENAI, {"type": "input_image", "image_url": "https://jane.example/face.png"}),
        (OPENAI, {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        (OPENAI, {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}),
        (ANTHROPIC, {"type": "image", "source": IMAGE}),
        (ANTHROPIC, {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}}),
        (ANTHROPIC, {"type": "document", "source": {"type": "url", "url": "https://jane.example/a.pdf"}}),
        (ANTHROPIC, {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        (ANTHROPIC, {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": IMAGE}]}),
        (ANTHROPIC, {"type": "container_upload", "file_id": "file_1"}),
    ],
)
def test_images_recordings_and_files_are_refused_unless_the_policy_lets_them_pass(dialect: Dialect, part: Any) -> None:
    with pytest.raises(PiiUnsupportedContent) as refused:
        read(dialect, said([part]))
    assert refused.value.param.startswith("messages[0].content[0]")

    texts = read(dialect, said([part]), media=True)
    assert (texts.texts, texts.media) == ((), 1)


def test_the_name_of_a_file_that_passes_is_a_text() -> None:
    part = {"type": "file", "file": {"filename": "Jane Doe.pdf", "file_data": "data:application/pdf;base64,AAAA"}}

    assert [text.text for text in read(OPENAI, said([part]), media=True).texts] == ["Jane Doe.pdf"]


@DIALECTS
@pytest.mark.parametrize("part", [{"type": "hologram", "text": "Jane"}, {"text": "Jane"}, {"type": ["text"]}])
def test_content_of_an_unknown_type_is_refused_even_where_images_pass(dialect: Dialect, part: Any) -> None:
    with pytest.raises(PiiUnsupportedContent) as refused:
        read(dialect, said([part]), media=True)
    assert refused.value.param == "messages[0].content[0].type"
    assert "Jane" not in refused.value.message


# --- any body -----------------------------------------------------------------------------------------------------

WRITERS = {OPENAI: openai_outgoing.write_request, ANTHROPIC: anthropic_outgoing.write_request}
FLAGS = {
    OPENAI: ModelFlags(vision=True, thinking="effort"),
    ANTHROPIC: ModelFlags(vision=True, claude=True, thinking="adaptive"),
}


@DIALECTS
@given(request=requests())
def test_any_request_comes_back_as_it_was(dialect: Dialect, request: Request) -> None:
    body = WRITERS[dialect](request, FLAGS[dialect]).body
    texts = read(dialect, copy.deepcopy(body), media=True)

    assert write(texts, [text.text for text in texts.texts]) == body


@DIALECTS
@given(body=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_body_of_nobody_s_dialect_is_read_whole(dialect: Dialect, body: dict[str, Any]) -> None:
    texts = read(dialect, copy.deepcopy(body), media=True)
    strings = sorted(value for _, value in every_string(body) if value)

    assert sorted([text.text for text in texts.texts if text.number is None]) == strings
    assert write(texts, [text.text for text in texts.texts]) == body


PART = st.recursive(
    JSON | st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "image_url", "base64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type text content source input name arguments thinking signature tool_calls citations".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@DIALECTS
@given(messages=PART, tools=PART)
def test_whatever_stands_in_a_member_is_read_or_refused(dialect: Dialect, messages: Any, tools: Any) -> None:
    body = {"messages": messages, "tools": tools, "system": messages, "metadata": tools}
    try:
        texts = read(dialect, copy.deepcopy(body))
    except PiiUnsupportedContent:
        return
    assert write(texts, [text.text for text in texts.texts]) == body


def test_deep_bodies_are_no_trouble() -> None:
    deep: Any = "Jane"
    for _ in range(200):
        deep = {"type": "tool_result", "tool_use_id": "t", "content": [deep]}

    assert [text.text for text in read(ANTHROPIC, said([deep])).texts] == ["Jane"]


def test_a_large_body_is_read_in_slices() -> None:
    reading = Reading(OPENAI, {"messages": [], "x": ["Jane"] * 10_000})
    slices = 1
    while reading.advance():
        slices += 1

    assert (slices, len(reading.texts().texts)) == (6, 10_000)


def test_an_answer_in_json_is_known_by_its_request() -> None:
    schema = {"type": "json_schema"}

    assert asks_for_json(OPENAI, {"response_format": {"type": "json_object"}})
    assert asks_for_json(OPENAI, {"response_format": schema})
    assert asks_for_json(ANTHROPIC, {"output_config": {"format": schema}})
    assert asks_for_json(ANTHROPIC, {"output_format": schema})
    assert not asks_for_json(OPENAI, {"response_format": {"type": "text"}})
    assert not asks_for_json(ANTHROPIC, {"output_config": None})
