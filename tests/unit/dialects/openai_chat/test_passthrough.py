"""OpenAI streams and answers that pass through: same bytes out, and what is learned from them on the way."""

from collections.abc import Iterable
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest, ProviderRateLimited, UpstreamError
from libs.dialects.form import Usage
from libs.dialects.openai_chat.passthrough import EVENT_LIMIT, OpenAIStream, for_thinkers, outgoing, read_answer

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def chunk(delta: object = None, finish: str | None = None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + orjson.dumps({"id": "c1", "model": "gpt-up", "choices": choices, **more}) + b"\n\n"


ROLE = chunk({"role": "assistant", "content": ""}, usage=None)
AZURE = b'data: {"choices":[],"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}\n\n'
DONE = b"data: [DONE]\n\n"
FULL = [
    AZURE,
    b": keep-alive\n\n",
    ROLE,
    chunk({"content": 'say "usage": and [DONE] é'}, usage=None),
    chunk({"content": "\ndata: x\n\n"}, usage=None),
    chunk({"content": "third"}, usage=None),
    chunk({}, "stop", usage=None),
    chunk(usage=USAGE),
    DONE,
]


def run(stream: OpenAIStream, pieces: Iterable[bytes]) -> bytes:
    return b"".join(stream.feed(piece) for piece in pieces)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in pairwise(marks)]


def facts(stream: OpenAIStream) -> tuple[object, ...]:
    error = stream.error and (type(stream.error), stream.error.message)
    return stream.started, stream.finished, stream.done, stream.usage, stream.output_bytes, error


def test_max_tokens_goes_to_thinkers_under_the_name_that_they_take_and_nothing_else_moves() -> None:
    body = b'{"messages":[],"max_tokens":7,"tools":[{"max_tokens":1}],"n":12345678901234567890}'
    assert for_thinkers(body) == body.replace(b'"max_tokens":7', b'"max_completion_tokens":7')
    for as_it_is in (
        b'{"max_completion_tokens":9,"max_tokens":7}',
        b'{"tools":[{"max_tokens":1}]}',
        b'{"messages":[]}',
    ):
        assert for_thinkers(as_it_is) is as_it_is


def test_the_same_bytes_come_out_but_for_the_end_and_the_usage_nobody_asked_for() -> None:
    stream = OpenAIStream(include_usage=False)
    assert run(stream, FULL) == b"".join(FULL[:-2])
    assert stream.done
    assert stream.finished
    assert stream.usage == Usage(input=12, output=3)


def test_a_caller_who_asked_for_usage_gets_its_chunk() -> None:
    assert run(OpenAIStream(include_usage=True), FULL) == b"".join(FULL[:-1])


@given(st.lists(st.integers(0, 10_000), max_size=30), st.booleans(), st.booleans(), st.booleans())
def test_any_split_gives_the_same_bytes_and_facts(at: list[int], crlf: bool, ask: bool, rename: bool) -> None:
    data = b"".join(FULL).replace(b"\n", b"\r\n") if crlf else b"".join(FULL)
    model = b"alias" if rename else None
    whole, split = OpenAIStream(ask, model), OpenAIStream(ask, model)
    assert run(split, cut(data, at)) == run(whole, [data])
    assert facts(split) == facts(whole)
    assert whole.done
    assert whole.usage is not None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_by_byte_each_event_leaves_with_its_last_byte(end: bytes) -> None:
    events = [event.replace(b"\n", end) for event in FULL]
    stream = OpenAIStream(False)
    for event in events:
        assert run(stream, [event[at : at + 1] for at in range(len(event) - 1)]) == b""
        assert stream.feed(event[-1:]) == (b"" if event in events[-2:] else event)
    assert stream.done


PIECES = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\r\n", b"\r", b"data: ", b"[DONE]", b'"usage"', b'"error"', b"{}", b":", *FULL])
    | st.binary(max_size=6),
    max_size=25,
)


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=20))
def test_arbitrary_bytes_raise_nothing_and_split_the_same(pieces: list[bytes], at: list[int]) -> None:
    data = b"".join(pieces)
    whole, split = OpenAIStream(False, b"m"), OpenAIStream(False, b"m")
    one, other = whole.feed(data), run(split, cut(data, at))
    assert one.rstrip(b"\r\n") == other.rstrip(b"\r\n")  # blank lines too many may still wait for the next event
    assert (whole.started, whole.finished, whole.done, whole.usage) == (
        split.started,
        split.finished,
        split.done,
        split.usage,
    )
    assert type(whole.error) is type(split.error)


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (AZURE, False),
        (ROLE, False),
        (chunk({"role": "assistant", "content": None}), False),
        (chunk({"content": ""}), False),
        (b": comment\n\n", False),
        (chunk({"content": "x"}), True),
        (chunk({"reasoning_content": "x"}), True),
        (chunk({"reasoning": "x"}), True),
        (chunk({"refusal": "no"}), True),
        (chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}), True),
    ],
)
def test_a_stream_has_started_only_with_the_models_own_words(event: bytes, content: bool) -> None:
    stream = OpenAIStream(False)
    assert stream.feed(event) == event
    assert stream.started is content


@pytest.mark.parametrize("place", ["choices", "x_groq"])
def test_usage_on_the_last_choice_chunk_counts_once_and_is_forwarded(place: str) -> None:
    more = {"usage": USAGE} if place == "choices" else {"x_groq": {"usage": USAGE}}
    last = chunk({}, "stop", **more)
    stream = OpenAIStream(False)
    assert run(stream, [chunk({"content": "a"}), last, chunk(usage=USAGE), DONE]) == chunk({"content": "a"}) + last
    assert stream.usage == Usage(input=12, output=3)


def test_a_stream_cut_before_its_end_is_neither_done_nor_finished() -> None:
    stream = OpenAIStream(False)
    run(stream, [ROLE, chunk({"content": "a"}), chunk({"content": "b"})[:-1]])
    assert not stream.done
    assert not stream.finished


def test_with_two_choices_one_finish_reason_is_not_the_end() -> None:
    stream = OpenAIStream(False, choices=2)
    stream.feed(chunk({"content": "a"}) + chunk({}, "stop"))
    assert not stream.finished
    stream.feed(chunk({}, "length"))
    assert stream.finished


def test_an_error_in_mid_stream_is_cleaned_and_not_forwarded_nor_is_what_follows() -> None:
    stream = OpenAIStream(False)
    first = chunk({"content": "a"})
    bad = b'data: {"error":{"message":"key sk-abcdef1234567890\\u0000 broke","code":null}}\n\n'
    assert stream.feed(first + bad + first) == first
    assert stream.feed(first) == b""
    assert isinstance(stream.error, UpstreamError)
    assert "sk-" not in stream.error.message
    assert "broke" in stream.error.message


def test_an_error_with_a_status_keeps_its_kind() -> None:
    stream = OpenAIStream(False)
    stream.feed(b'data: {"object":"error","message":"slow down","code":429}\n\n')
    assert isinstance(stream.error, ProviderRateLimited)


def test_an_event_without_end_is_an_error_and_not_memory() -> None:
    for pieces in (
        [b"data: " + b"x" * EVENT_LIMIT],
        [b"data: ", b"x" * EVENT_LIMIT, b"\n\n"],
        [b"x" * (EVENT_LIMIT + 1) + b"\n\n"],
    ):
        stream = OpenAIStream(False)
        assert run(stream, pieces) == b""
        assert isinstance(stream.error, UpstreamError)


def test_the_model_is_replaced_in_every_event_even_when_the_provider_changes_its_mind() -> None:
    other = chunk({"content": "b"}).replace(b'"model":"gpt-up"', b'"model": "gpt-up-2"')
    out = run(
        OpenAIStream(False, b"mine"), [AZURE, chunk({"content": "a"}), chunk({"content": '"model":"gpt-up"'}) + other]
    )
    events = [orjson.loads(line[6:]) for line in out.splitlines() if line]
    assert [event["model"] for event in events] == ["mine"] * 4
    assert events[2]["choices"][0]["delta"]["content"] == '"model":"gpt-up"'


def test_output_bytes_are_near_the_truth_padding_or_not() -> None:
    words = ["alpha", "beta!", "gamma rays", "d" * 40, "…"] * 20
    for pad in (False, True):
        stream = OpenAIStream(False)
        for at, word in enumerate(words):
            stream.feed(chunk({"content": word}, **({"obfuscation": "x" * (at % 9)} if pad else {})))
            stream.feed(b": keep-alive\n\n")
        stream.feed(chunk({}, "stop") + DONE)
        truth = sum(len(word.encode()) for word in words)
        assert abs(stream.output_bytes - truth) <= truth * 0.02


def test_an_answer_passes_unchanged_with_its_usage_and_output() -> None:
    body = b'{"id":"a", "model": "up", "choices":[{"message":{"content":"h\\u00e9"}}],'
    body += b'"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}'
    assert read_answer(body, None) == (body, Usage(input=5, output=2), 3)
    renamed, _, _ = read_answer(body, "mine")
    assert orjson.loads(renamed) == {**orjson.loads(body), "model": "mine"}
    nested = b'{"metadata":{"model":"x"},"model":"up","choices":[]}'
    assert orjson.loads(read_answer(nested, "mine")[0]) == {**orjson.loads(nested), "model": "mine"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"ok":true}', b'{"choices":{}}', b'{"error":"x"}'])
def test_a_200_that_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_answer(body, None)


@pytest.mark.parametrize("body", [b"{}", b'{"messages":[],"stream":true}', b'{ "a" : 1 }'])
@pytest.mark.parametrize("options", [b"", b"null", b'{"include_usage":false,"include_obfuscation":false}'])
def test_a_stream_is_sent_with_model_and_usage_spliced_in(body: bytes, options: bytes) -> None:
    sent = orjson.loads(outgoing(body, model='m"x', stream=True, stream_options=options))
    assert sent.pop("model") == 'm"x'
    assert sent.pop("stream_options") == {**(orjson.loads(options or b"null") or {}), "include_usage": True}
    assert sent == orjson.loads(body)


def test_without_a_stream_only_the_model_is_spliced_in() -> None:
    assert outgoing(b'{"n":1}', model="m", stream=False, stream_options=b"") == b'{"model":"m","n":1}'
    assert outgoing(b"{}", model="m", stream=False, stream_options=b"") == b'{"model":"m"}'


@pytest.mark.parametrize("options", [b"[]", b"1", b"{"])
def test_stream_options_that_are_no_object_are_refused(options: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        outgoing(b"{}", model="m", stream=True, stream_options=options)
    assert refused.value.param == "stream_options"


def test_azures_empty_first_chunk_is_no_beginning() -> None:
    stream = OpenAIStream(False)
    assert stream.feed(AZURE + ROLE) == AZURE + ROLE
    assert not stream.started
    assert stream.usage is None
    stream.feed(chunk({"content": "a"}))
    assert stream.started


def test_usage_in_every_chunk_is_counted_once() -> None:
    told = [{"prompt_tokens": 12, "completion_tokens": at, "total_tokens": 12 + at} for at in (1, 2, 3)]
    stream = OpenAIStream(False)
    sent = [
        chunk({"content": "a"}, usage=told[0]),
        chunk({"content": "b"}, usage=told[1]),
        chunk({}, "stop", usage=told[2]),
    ]
    assert run(stream, sent) == b"".join(sent)
    assert stream.usage == Usage(input=12, output=3)


def test_groqs_own_place_for_usage_is_known() -> None:
    stream = OpenAIStream(False)
    run(stream, [chunk({"content": "a"}), chunk({}, "stop", x_groq={"usage": USAGE})])
    assert stream.usage == Usage(input=12, output=3)


@pytest.mark.parametrize("named", [b'"model":7,', b'"model":{"model":"x"},', b""])
def test_an_answer_without_a_models_name_gets_one_and_no_nested_member_does(named: bytes) -> None:
    body = b"{" + named + b'"choices":[],"nested":{"model":"n"}}'
    assert orjson.loads(read_answer(body, "mine")[0]) == {**orjson.loads(body), "model": "mine"}


def test_an_answer_too_deep_to_be_named_anew_is_an_upstream_error() -> None:
    body = b'{"choices":[],"deep":' + b"[" * 300 + b"]" * 300 + b"}"
    assert read_answer(body, None)[0] == body
    with pytest.raises(UpstreamError):
        read_answer(body, "mine")
