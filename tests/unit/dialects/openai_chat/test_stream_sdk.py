"""The official SDK's helper as judge of the stream: what it puts together is what was said, and may be sent back."""

from typing import Any

import httpx2
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from libs.dialects.form import (
    Answer,
    BlockStop,
    Event,
    Logprobs,
    Reasoning,
    ReasoningDelta,
    Stop,
    StopReason,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat.answer import write_answer
from libs.dialects.openai_chat.request import read_request
from libs.dialects.openai_chat.stream import StreamEncoder

GEMINIS = "ni1.g.c.c2lnbmVk"
EVENTS: list[Event] = [
    ReasoningDelta(index=0, text="let me "),
    ReasoningDelta(index=0, text="think"),
    ReasoningDelta(index=0, signature="EqQB"),
    BlockStop(index=0),
    ReasoningDelta(index=1, redacted="ZW5j"),
    BlockStop(index=1),
    TextDelta(index=2, text="one "),
    Logprobs(tokens=(TokenLogprob(token="one ", logprob=-0.5, top=(("One", -1.5),)),)),
    TextDelta(index=2, text="é"),
    Logprobs(tokens=(TokenLogprob(token="é", logprob=-0.25),)),
    BlockStop(index=2),
    ToolCallStart(index=3, id="a", name="f"),
    ToolCallDelta(index=3, json='{"x"'),
    ToolCallDelta(index=3, json=":1}"),
    BlockStop(index=3),
    ReasoningDelta(index=4, redacted=GEMINIS),
    BlockStop(index=4),
    ToolCallStart(index=5, id="b", name="g"),
    BlockStop(index=5),
    Stop(reason=StopReason.TOOL_USE),
    UsageEvent(usage=Usage(input=3, output=4)),
]


async def test_the_helper_over_http_puts_the_answer_together() -> None:
    encoder = StreamEncoder("chatcmpl-1", 7, "m", include_usage=True)
    body = b": keep-alive\n\n" + encoder.encode(EVENTS) + encoder.done()

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})

    transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = AsyncOpenAI(api_key="k", base_url="http://x/v1", http_client=transport)
    async with client, client.chat.completions.stream(model="m", messages=[]) as stream:
        kinds = {event.type async for event in stream}
        completion = await stream.get_final_completion()
    choice = completion.choices[0]
    assert {"content.delta", "content.done", "tool_calls.function.arguments.done", "logprobs.content.done"} <= kinds
    assert (choice.finish_reason, choice.message.role, choice.message.content) == ("tool_calls", "assistant", "one é")
    assert [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or []] == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "{}"),
    ]
    assert completion.usage is not None
    assert completion.usage.total_tokens == 7
    assert choice.logprobs is not None
    assert [each.token for each in choice.logprobs.content or []] == ["one ", "é"]
    # Sent back as it was put together: nothing of the thoughts is lost, and each stands where it belongs.
    message = choice.message.to_dict()
    message.pop("parsed", None)
    results = [{"role": "tool", "tool_call_id": id_, "content": "ok"} for id_ in ("a", "b")]
    turn = read_request({"messages": [{"role": "user", "content": "hi"}, message, *results]}).turns[1]
    assert turn.parts == (
        Reasoning(text="let me think", signature="EqQB"),
        Reasoning(redacted="ZW5j"),
        Text(text="one é"),
        ToolCall(id="a", name="f", arguments={"x": 1}),
        Reasoning(redacted=GEMINIS),
        ToolCall(id="b", name="g", arguments={}),
    )


def gathered(data: bytes) -> dict[str, Any]:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for event in data.split(b"\n\n"):
        if event and event != b"data: [DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate(orjson.loads(event.removeprefix(b"data: "))))
    message: dict[str, Any] = state.get_final_completion().choices[0].message.to_dict()
    return message


THOUGHTS = st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["", "s1", "s2"]), st.booleans()), max_size=5)


@settings(max_examples=50)
@given(THOUGHTS, st.booleans())
def test_any_order_of_thoughts_is_put_together_as_it_was_sent(
    thoughts: list[tuple[str, str, bool]], ends: bool
) -> None:
    """`ends`: whether the provider tells where its blocks end."""
    events: list[Event] = []
    expected: list[Reasoning] = []
    for at, (said, signature, redacted) in enumerate(thoughts):
        if redacted:
            events.append(ReasoningDelta(index=at, redacted=f"d{at}"))
            expected.append(Reasoning(redacted=f"d{at}"))
        else:
            events += [ReasoningDelta(index=at, text=said), ReasoningDelta(index=at, signature=signature)]
            expected += [Reasoning(text=said, signature=signature)] if signature else []
        events += [BlockStop(index=at)] if ends else []
    encoder = StreamEncoder("i", 1, "m", include_usage=False)
    message = gathered(encoder.encode([*events, Stop(reason=StopReason.END)]) + encoder.done())
    parts = read_request({"messages": [message]}).turns[0].parts
    assert [part for part in parts if isinstance(part, Reasoning)] == expected
    said = "".join(said for said, _, redacted in thoughts if not redacted)
    assert message.get("reasoning_content", "") == said


SIGNED = st.builds(Reasoning, text=st.text(min_size=1, max_size=3), signature=st.sampled_from(["EqQB", "EqQC"]))
HIDDEN = st.builds(Reasoning, redacted=st.sampled_from(["ZW5j", "ZW5k"]))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
# What stands between two thoughts: words, then calls.
STRETCH = st.tuples(SIGNED | HIDDEN, st.lists(st.builds(Text, text=WORDS), max_size=1), st.integers(0, 2))


def in_order(stretches: list[Any]) -> list[Reasoning | Text | ToolCall]:
    parts: list[Reasoning | Text | ToolCall] = []
    for thought, words, calls in stretches:
        parts += [thought, *words]
        parts += [ToolCall(id=f"c{len(parts)}_{at}", name="f", arguments={}) for at in range(calls)]
    return parts


def streamed(parts: list[Reasoning | Text | ToolCall]) -> list[Event]:
    events: list[Event] = []
    for at, part in enumerate(parts):
        match part:
            case Text():
                events += [TextDelta(index=at, text=letter) for letter in part.text]
            case ToolCall():
                events += [ToolCallStart(index=at, id=part.id, name=part.name), ToolCallDelta(index=at, json="{}")]
            case Reasoning():
                thought, end = part.text, part.signature
                events.append(ReasoningDelta(index=at, text=thought, redacted=part.redacted))
                events += [ReasoningDelta(index=at, signature=end)] if end else []
        events.append(BlockStop(index=at))
    return [*events, Stop(reason=StopReason.END)]


@given(st.lists(STRETCH, min_size=1, max_size=4))
def test_thoughts_between_words_and_calls_come_back_in_their_places(stretches: list[Any]) -> None:
    """Claude signs each where it stands, and refuses an answer whose thoughts were moved to its beginning."""
    parts = in_order(stretches)
    encoder = StreamEncoder("i", 1, "m", include_usage=False)
    put_together = gathered(encoder.encode(streamed(parts)) + encoder.done())
    answer = write_answer(Answer(parts=tuple(parts), stop=StopReason.END), id="i", created=1, model="m")
    for message in (put_together, orjson.loads(answer)["choices"][0]["message"]):
        results = [
            {"role": "tool", "tool_call_id": part.id, "content": "ok"} for part in parts if isinstance(part, ToolCall)
        ]
        again = read_request({"messages": [message, *results]}).turns[0].parts
        assert [part for part in again if part != Text(text="")] == parts


def test_places_that_do_not_fit_the_answer_any_more_lose_nothing() -> None:
    entries = [
        {"type": "reasoning.text", "text": "h", "signature": "EqQB", "format": "northern-v1", "id": place}
        for place in ("at.99.99", "at.1.0", "at.x.0", "toolu_1")
    ]
    message = {"role": "assistant", "content": "ab", "reasoning_details": entries}
    parts = read_request({"messages": [message]}).turns[0].parts
    assert parts == (Text(text="ab"), *[Reasoning(text="h", signature="EqQB")] * 4)
