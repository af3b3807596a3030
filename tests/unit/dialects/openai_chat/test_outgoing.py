"""A request of another dialect's caller as OpenAI and its kin take it: what is sent, dropped by name, and refused."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import (
    AnswerFormat,
    Cache,
    Document,
    Image,
    Part,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Written,
)
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat.outgoing import write_request
from libs.dialects.openai_chat.request import read_request

SDK: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
PLAIN = ModelFlags()
THINKER = ModelFlags(thinking="effort")
TOOL = Tool(name="f", schema={"type": "object", "properties": {}})
HI = Turn(role=Role.USER, parts=(Text(text="hi"),))
PNG = Image(media_type="image/png", data="iVBORw0KGgoAAAAN")
PDF = Document(media_type="application/pdf", data="JVBERi0xLjQ=", name="a.pdf")


def user(*parts: Part) -> Turn:
    return Turn(role=Role.USER, parts=parts)


def assistant(*parts: Part) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=parts)


def call(id: str = "a", **arguments: object) -> ToolCall:  # noqa: A002 - the wire's own name
    return ToolCall(id=id, name="f", arguments=arguments)


def result(id: str = "a", *parts: Text | Image | Document, is_error: bool = False) -> ToolResult:  # noqa: A002
    return ToolResult(id=id, parts=parts or (Text(text="42"),), is_error=is_error)


def write(*turns: Turn, model: ModelFlags = PLAIN, **more: Any) -> Written:
    written = write_request(Request(turns=turns or (HI,), **more), model)
    SDK.validate_python({"model": "m", **written.body})
    return written


def messages(*turns: Turn, model: ModelFlags = PLAIN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = write(*turns, model=model).body["messages"]
    return found


def refused(*turns: Turn, model: ModelFlags = PLAIN, **more: Any) -> str:
    with pytest.raises(InvalidRequest) as error:
        write(*turns, model=model, **more)
    return error.value.param


# --- messages -----------------------------------------------------------------------------------------------------


def test_system_comes_first_and_once() -> None:
    body = write(system=(Text(text="one"), Text(text="two"))).body
    assert body["messages"] == [{"role": "system", "content": "one\n\ntwo"}, {"role": "user", "content": "hi"}]
    assert set(body) == {"messages"}


def test_results_stand_right_behind_their_calls_whatever_was_said_with_them() -> None:
    turns = (
        HI,
        assistant(Text(text="so"), call("a", x=1), call("b")),
        user(Text(text="and?"), result("a"), result("b")),
    )
    assert [each["role"] for each in messages(*turns)] == ["user", "assistant", "tool", "tool", "user"]
    assert messages(*turns)[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    apart = (*turns[:2], user(result("a")), user(Text(text="and?"), result("b")))
    assert messages(*apart) == messages(*turns)


def test_images_of_a_result_follow_all_results() -> None:
    sent = messages(HI, assistant(call("a"), call("b")), user(result("a", Text(text="see"), PNG), result("b")))
    assert [each["role"] for each in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert sent[2]["content"].startswith("see\n")
    assert [part["type"] for part in sent[4]["content"]] == ["text", "image_url"]
    assert "a" in sent[4]["content"][0]["text"]


def test_a_failed_result_says_so() -> None:
    turns = (HI, assistant(call()))
    assert messages(*turns, user(result("a", Text(text="no disk"), is_error=True)))[2]["content"] == "Error: no disk"
    assert messages(*turns, user(result("a", Text(text="ERROR 5"), is_error=True)))[2]["content"] == "ERROR 5"


def test_images_and_documents_are_sent_as_they_came() -> None:
    link = Image(url="https://x/y.png")
    (said,) = messages(user(PNG, link, PDF, Document(media_type="text/plain", text="words", name="n.txt")))
    assert said["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAAN"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="}},
        {"type": "text", "text": "n.txt\n\nwords"},
    ]


def test_what_the_model_cannot_see_is_refused() -> None:
    assert refused(user(PNG), model=ModelFlags(vision=False)) == "messages"
    assert refused(user(Document(url="https://x/y.pdf"))) == "messages"
    in_result = (HI, assistant(call()), user(result("a", PNG)))
    assert refused(*in_result, model=ModelFlags(vision=False)) == "messages"


def test_thoughts_are_left_out_and_a_turn_of_nothing_else_with_them() -> None:
    thought = Reasoning(text="hm", signature="claudes")
    assert messages(HI, assistant(thought, Text(text="a")), HI)[1] == {"role": "assistant", "content": "a"}
    assert [each["role"] for each in messages(HI, assistant(thought), HI)] == ["user", "user"]


def test_a_compatible_geminis_signature_goes_back_on_its_own_call_and_no_others() -> None:
    own, other = Reasoning(redacted="ni1.o.c.c2ln"), Reasoning(redacted="ni1.g.c.c2ln")
    sent = messages(HI, assistant(other, call("a"), own, call("b")), user(result("a"), result("b")))[1]["tool_calls"]
    assert "extra_content" not in sent[0]
    assert sent[1]["extra_content"] == {"google": {"thought_signature": "c2ln"}}


def test_an_id_beyond_openais_limit_is_shortened_alike_in_call_and_result() -> None:
    long = "toolu_" + "x" * 58
    sent = messages(HI, assistant(call(long), call("b")), user(result(long), result("b")))
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert len(sent[2]["tool_call_id"]) <= 40
    assert sent[3]["tool_call_id"] == "b"


def test_a_begun_answer_is_refused_where_the_model_does_not_go_on_with_it() -> None:
    begun = (HI, assistant(Text(text="The answer is")))
    assert refused(*begun, model=ModelFlags(prefill=False)) == "messages"
    assert messages(*begun)[-1]["role"] == "assistant"


# --- members ------------------------------------------------------------------------------------------------------


def test_the_length_is_asked_for_by_the_name_that_the_server_knows() -> None:
    assert write(max_tokens=5).body["max_completion_tokens"] == 5
    assert write(max_tokens=5, model=ModelFlags(legacy_max_tokens=True)).body["max_tokens"] == 5


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        (PLAIN, {"temperature", "top_p"}, ("top_k",)),
        (ModelFlags(sampling="one"), {"temperature"}, ("top_p", "top_k")),
        (ModelFlags(sampling="none"), set(), ("temperature", "top_p", "top_k")),
        (THINKER, set(), ("temperature", "top_p", "top_k")),
    ],
)
def test_sampling_is_sent_where_the_model_takes_it(model: ModelFlags, sent: set[str], dropped: tuple[str, ...]) -> None:
    written = write(model=model, temperature=0.5, top_p=0.9, top_k=3)
    assert set(written.body) - {"messages"} == sent
    assert written.dropped == dropped
    assert write(model=ModelFlags(sampling="one"), top_p=0.9).body["top_p"] == 0.9


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        (Thinking(), None),
        (Thinking(kind="off"), "none"),
        (Thinking(kind="on"), "medium"),
        (Thinking(kind="on", budget=1024), "low"),
        (Thinking(kind="on", budget=2048), "low"),
        (Thinking(kind="on", budget=2049), "medium"),
        (Thinking(kind="on", budget=8193), "high"),
        (Thinking(kind="on", effort="xhigh", budget=1024), "xhigh"),
    ],
)
def test_thinking_becomes_an_effort(thinking: Thinking, effort: str | None) -> None:
    assert write(model=THINKER, thinking=thinking).body.get("reasoning_effort") == effort
    other = write(thinking=thinking)
    assert "reasoning_effort" not in other.body
    assert other.dropped == (("thinking",) if thinking.kind == "on" else ())


def test_a_model_that_always_thinks_thinks_least() -> None:
    written = write(model=replace(THINKER, always_thinks=True), thinking=Thinking(kind="off"))
    assert (written.body["reasoning_effort"], written.dropped) == ("low", ("thinking",))


@pytest.mark.parametrize("asked", ["xhigh", "max"])
def test_a_model_that_always_thinks_knows_no_more_than_high(asked: str) -> None:
    thinking = Thinking(kind="on", effort=asked)
    assert write(model=replace(THINKER, always_thinks=True), thinking=thinking).body["reasoning_effort"] == "high"
    assert write(model=THINKER, thinking=thinking).body["reasoning_effort"] == asked


def test_tools_and_the_choice_among_them() -> None:
    tool = Tool(name="g", description="d", schema={"type": "object"}, strict=True)
    body = write(tools=(tool,), tool_choice=ToolChoice(kind="tool", name="g"), parallel_tool_calls=False).body
    function = {"name": "g", "description": "d", "parameters": {"type": "object"}, "strict": True}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    assert body["parallel_tool_calls"] is False
    assert write(tools=(tool,), tool_choice=ToolChoice(kind="required")).body["tool_choice"] == "required"
    assert "tool_choice" not in write(tools=(tool,)).body
    assert "parallel_tool_calls" not in write(parallel_tool_calls=False).body  # it is refused without tools


def test_more_stop_sequences_than_openai_takes_are_refused() -> None:
    assert write(stop=("a", "b", "c", "d")).body["stop"] == ["a", "b", "c", "d"]
    assert refused(stop=("a", "b", "c", "d", "e")) == "stop_sequences"


def test_a_schema_is_asked_for_strictly_and_under_a_name() -> None:
    asked = AnswerFormat(kind="json_schema", schema={"type": "object"})
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert write(answer_format=asked).body["response_format"] == {"type": "json_schema", "json_schema": schema}
    assert refused(answer_format=asked, model=ModelFlags(structured=False)) == "output_config.format"


def test_a_user_longer_than_openai_takes_is_a_digest_the_same_each_time() -> None:
    users = [f"user_{each * 64}_account__session_{each * 36}" for each in "aab"]  # as Claude Code names them
    first, again, other = [write(hints={"user": user}).body["user"] for user in users]
    assert first == again != other
    assert len(first) <= 64
    assert write(hints={"user": "u" * 64}).body["user"] == "u" * 64


def test_what_anthropics_metadata_holds_beside_the_user_is_named_and_not_sent() -> None:
    written = write(hints={"user": "u", "metadata": True})
    assert "metadata" not in written.body
    assert written.dropped == ("metadata",)


def test_hints_are_sent_or_named_and_demands_sent_or_refused() -> None:
    hints = {"user": "u", "service_tier": "standard_only", "speed": "fast", "seed": 4}
    written = write(hints=hints, demands={"logprobs": True, "top_logprobs": 2})
    sent = {name: value for name, value in written.body.items() if name != "messages"}
    assert sent == {"user": "u", "service_tier": "default", "seed": 4, "logprobs": True, "top_logprobs": 2}
    assert written.dropped == ("speed",)
    assert refused(demands={"mcp_servers": []}) == "mcp_servers"
    assert refused(demands={"n": 2}) == "n"


@pytest.mark.parametrize(
    "more",
    [
        {"system": (Text(text="s", cache=Cache.SHORT),)},
        {"tools": (replace(TOOL, cache=Cache.LONG),)},
        {"turns": (user(Text(text="hi", cache=Cache.SHORT)),)},
        {"hints": {"cache_control": {"type": "ephemeral"}}},
    ],
)
def test_cache_marks_are_named_where_there_are_some(more: dict[str, Any]) -> None:
    assert write_request(Request(**{"turns": (HI,), **more}), PLAIN).dropped == ("cache_control",)
    assert write().dropped == ()


# --- there and back -----------------------------------------------------------------------------------------------

WORDS = st.text(min_size=1, max_size=6)
JSON = st.dictionaries(WORDS, WORDS | st.integers(0, 9) | st.lists(st.none() | st.booleans(), max_size=2), max_size=3)
SHOWN = st.builds(Text, text=WORDS) | st.just(PNG) | st.just(PDF) | st.just(Image(url="https://x/y"))


@st.composite
def conversations(draw: st.DrawFn) -> Request:
    turns: list[Turn] = []
    for at in range(draw(st.integers(1, 3))):
        turns.append(Turn(role=Role.USER, parts=tuple(draw(st.lists(SHOWN, min_size=1, max_size=3)))))
        arguments = draw(st.lists(JSON, max_size=2))
        said = draw(st.lists(st.builds(Text, text=WORDS), max_size=1))
        calls = [ToolCall(id=f"id{at}.{n}", name="f", arguments=each) for n, each in enumerate(arguments)]
        if said or calls:
            turns.append(Turn(role=Role.ASSISTANT, parts=(*said, *calls)))
        turns += [user(result(each.id, Text(text=draw(WORDS)))) for each in calls]
    return Request(
        turns=tuple(turns),
        system=tuple(draw(st.lists(st.builds(Text, text=WORDS), max_size=1))),
        tools=(TOOL,) if draw(st.booleans()) else (),
        max_tokens=draw(st.none() | st.integers(1, 99)),
        temperature=draw(st.none() | st.floats(0, 1)),
        stop=tuple(draw(st.lists(WORDS, max_size=4))),
        answer_format=draw(
            st.none() | st.builds(AnswerFormat, kind=st.just("json_schema"), name=st.just("n"), schema=JSON)
        ),
        thinking=draw(st.sampled_from([Thinking(), Thinking(kind="off"), Thinking(kind="on", effort="high")])),
        hints=draw(st.sampled_from([{}, {"user": "u", "seed": 3}])),
    )


@given(conversations())
def test_what_is_written_and_read_again_means_the_same(request: Request) -> None:
    body = write_request(replace(request, temperature=None), THINKER).body
    assert read_request(orjson.loads(orjson.dumps(body))) == replace(request, temperature=None)
    plain = replace(request, thinking=Thinking())
    assert read_request(write_request(plain, PLAIN).body) == plain
