"""OpenAI's streams restored: lanes, what is held and when it comes, and what passes byte for byte."""

import orjson
import pytest

from libs.contracts.errors import UpstreamError
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.replies.answers import Answers
from tests.unit.pii.replies.dictionary import Dictionary
from tests.unit.pii.replies.wire import DONE, call, chunk, chunks, deltas, fed, read, said_by

ORIGINALS = {"Mary Smith": "Jane Doe", "Mary": "Jane", "Smith": "Doe", "Quincy": 'Jo "Q" Néé\n'}


def answers(*, json: bool = False) -> Answers:
    return Answers(dialect=Dialect.DIALECT_OPENAI_CHAT, restoring=Dictionary(ORIGINALS), json=json)


def test_a_name_cut_into_chunks_is_restored() -> None:
    stream = [chunk({"content": said}) for said in ("Dear Ma", "ry", " Sm", "ith,")]

    assert said_by(fed(answers(), stream)) == {(0, "content"): "Dear Jane Doe,"}


def test_what_holds_nothing_to_restore_passes_byte_for_byte() -> None:
    passing = (
        b": keep-alive\n\n"
        + chunks([], ni={"route": "x"})
        + b'data:  {"choices": [ {"index":0, "delta":{"role":"assistant","content":""}} ], "id": "\\u0061"}\n\n'
        + b'id: 7\r\ndata: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}\r\n\r\n'
        + chunks([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        + chunks([], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        + DONE
    )

    assert fed(answers(), [passing]) == passing


def test_what_stands_around_the_data_stays_where_it_is_restored() -> None:
    stream = b': hm\r\nid: 7\r\ndata: {"choices":[{"index":0,"delta":{"content":"Quincy"}}]}\r\nretry: 5\r\n\r\n'
    out = fed(answers(), [stream])

    assert out.startswith(b": hm\r\nid: 7\r\ndata: {")
    assert out.endswith(b"}\r\nretry: 5\r\n\r\n")
    assert said_by(out) == {(0, "content"): ORIGINALS["Quincy"]}


def test_what_is_held_comes_before_the_end_of_its_choice() -> None:
    out = fed(answers(), [chunk({"content": "to Mary"}, usage=None), chunk({}, finish="stop"), DONE])
    first, held, end, done = read(out)

    assert first["choices"][0]["delta"] == {"content": "to "}
    assert held["choices"] == [{"index": 0, "delta": {"content": "Jane"}, "finish_reason": None}]
    assert (held["id"], held["model"], held["created"]) == (first["id"], first["model"], first["created"])
    assert (end["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")


def test_what_is_held_joins_the_last_words_where_they_come_with_the_end() -> None:
    out = read(fed(answers(), [chunk({"content": "to Ma"}), chunk({"content": "ry"}, finish="stop")]))

    assert [each["choices"][0]["delta"]["content"] for each in out] == ["to ", "Jane"]


def test_several_lanes_of_a_choice_give_what_they_hold() -> None:
    stream = [chunk({"content": "Mary"}), chunk({"refusal": "no Mary"}), chunk({}, finish="stop")]

    assert said_by(fed(answers(), stream)) == {(0, "content"): "Jane", (0, "refusal"): "no Jane"}


def test_an_extra_chunk_carries_no_usage_and_no_padding() -> None:
    end = chunk({}, finish="stop", usage={"total_tokens": 3}, obfuscation="abc")
    held, last = read(fed(answers(), [chunk({"content": "Mary"}), end]))[1:]

    assert held["usage"] is None
    assert "obfuscation" not in held
    assert last["usage"] == {"total_tokens": 3}


def test_choices_do_not_mix() -> None:
    one = {"index": 0, "delta": {"content": "Ma"}}
    other = {"index": 1, "delta": {"content": "Smi"}}
    ends = [{"index": n, "delta": {"content": said}, "finish_reason": "stop"} for n, said in ((0, "ry"), (1, "th"))]

    assert said_by(fed(answers(), [chunks([one, other]), chunks(ends), DONE])) == {
        (0, "content"): "Jane",
        (1, "content"): "Doe",
    }


def test_thoughts_end_before_words_begin() -> None:
    stream = [chunk({"reasoning_content": "It is Mary"}), chunk({"content": "Smith"}), chunk({}, finish="stop")]

    assert deltas(fed(answers(), stream)) == [
        (0, "reasoning_content", "It is "),
        (0, "reasoning_content", "Jane"),
        (0, "content", "Doe"),
    ]


def test_a_thought_and_a_word_in_one_chunk_keep_their_order() -> None:
    stream = [chunk({"reasoning": "It is Mary", "content": "Mary"}), chunk({}, finish="stop")]

    assert deltas(fed(answers(), stream)) == [(0, "reasoning", "It is Jane"), (0, "content", "Jane")]


def test_arguments_get_their_originals_escaped_and_names_are_left_alone() -> None:
    first = call('{"to":"Qui', id="Mary", type="function")
    first["tool_calls"][0]["function"]["name"] = "Mary"
    stream = [chunk(first), chunk(call('ncy"', number=0)), chunk(call('{"a":"Mary"}', number=1)), chunk(call("}"))]
    out = fed(answers(), [*stream, chunk({}, finish="tool_calls"), DONE])
    opening = read(out)[0]["choices"][0]["delta"]["tool_calls"][0]

    assert orjson.loads(said_by(out)[0, "0"]) == {"to": ORIGINALS["Quincy"]}
    assert said_by(out)[0, "1"] == '{"a":"Jane"}'
    assert (opening["id"], opening["function"]["name"]) == ("Mary", "Mary")


def test_an_answer_in_json_gets_its_originals_escaped_too() -> None:
    out = fed(answers(json=True), [chunk({"content": '{"to":"Quincy"}'}), chunk({"refusal": "Quincy"}), DONE])

    assert orjson.loads(said_by(out)[0, "content"]) == {"to": ORIGINALS["Quincy"]}
    assert said_by(out)[0, "refusal"] == ORIGINALS["Quincy"]


@pytest.mark.parametrize(
    ("delta", "member"),
    [
        ({"audio": {"id": "a", "transcript": "Mary"}}, "audio"),
        ({"function_call": {"arguments": "Mary"}}, "function_call"),
        ({"content": [{"type": "text", "text": "Mary"}]}, "content"),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Mary"}]}]}, "content"),
        ({"tool_calls": [{"index": 3, "custom": {"input": "Mary"}}]}, "tool_calls"),
    ],
)
def test_every_place_of_a_delta_is_a_lane_of_its_own_shape(delta: dict[str, object], member: str) -> None:
    first, held = read(fed(answers(), [chunk(delta)]))
    blank = orjson.loads(orjson.dumps(delta).replace(b"Mary", b""))
    wanted = orjson.loads(orjson.dumps(delta).replace(b"Mary", b"Jane"))
    wanted.get("audio", {}).pop("id", None)

    assert first["choices"][0]["delta"] == blank
    assert held["choices"][0]["delta"] == {member: wanted[member]}


def test_arguments_sent_as_an_object_are_restored_value_by_value() -> None:
    sent = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": {"Mary": ["Quincy", 3]}}}]}
    out = read(fed(answers(), [chunk(sent)]))

    assert out[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] == {"Jane": [ORIGINALS["Quincy"], 3]}


def test_signed_thoughts_pass_as_they_came() -> None:
    sent = chunk({"reasoning_details": [{"type": "reasoning.text", "text": "of Mary", "signature": "c2ln"}]})

    assert fed(answers(), [sent]) == sent


def test_tokens_one_by_one_are_not_shown() -> None:
    tokens = {"content": [{"token": "Mary", "logprob": -0.1, "bytes": [77], "top_logprobs": []}], "refusal": None}
    choice = {"index": 0, "delta": {"content": "Hello"}, "logprobs": tokens, "token_ids": [1], "finish_reason": None}
    (out,) = read(fed(answers(), [chunks([choice], prompt_token_ids=[2])]))

    assert (out["choices"][0]["logprobs"], out["choices"][0]["token_ids"], out["prompt_token_ids"]) == (
        None,
        None,
        None,
    )


def test_the_stop_string_that_ended_it_is_the_caller_s_own() -> None:
    (out,) = read(fed(answers(), [chunks([{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "Mary"}])]))

    assert out["choices"][0]["stop_reason"] == "Jane"


def test_an_error_in_mid_stream_comes_after_what_was_held_and_is_restored() -> None:
    error = b'data: {"error":{"message":"no Mary","code":null}}\n\n'
    out = read(fed(answers(), [chunk({"content": "Mary"}), error]))

    assert out[1]["choices"][0]["delta"] == {"content": "Jane"}
    assert out[2] == {"error": {"message": "no Jane", "code": None}}


def test_a_stream_that_breaks_off_gives_what_was_held() -> None:
    stream = answers().stream()
    out = stream.feed(chunk({"content": "to Mary"}) + b'data: {"choi')

    assert said_by(out) == {(0, "content"): "to "}
    assert said_by(stream.close()) == {(0, "content"): "Jane"}
    assert stream.close() == b""


def test_where_nothing_was_substituted_bytes_pass_as_they_come() -> None:
    stream = Answers(dialect=Dialect.DIALECT_OPENAI_CHAT, restoring=Dictionary({})).stream()

    assert [stream.feed(piece) for piece in (b"data: {", b"no json", b"\n")] == [b"data: {", b"no json", b"\n"]
    assert stream.close() == b""


def test_half_of_a_surrogate_pair_is_no_reason_to_fail() -> None:
    sent = b'data: {"choices":[{"index":0,"delta":{"content":"Quincy \\ud83d"}}]}\n\n'

    assert fed(answers(), [sent]).endswith(b'N\\u00e9\\u00e9\\n \\ud83d"}}]}\n\n')


@pytest.mark.parametrize("data", [b'{"choices":[', b'{"choices":' + b"[" * 100_000])
def test_what_is_no_json_is_the_provider_s_failure(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        answers().stream().feed(b"data: " + data + b"\n\n")


@pytest.mark.parametrize(
    "data", [b'["choices"]', b'{"choices":3}', b'{"choices":[3,{"delta":3}]}', b'"error"', b'{"error":3}']
)
def test_what_is_no_chunk_passes(data: bytes) -> None:
    sent = b"data: " + data + b"\n\n"

    assert fed(answers(), [sent]) == sent
