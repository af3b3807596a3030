"""Answers that come whole: restored as their streams are, the same bytes where there is nothing to restore."""

from typing import Any

import orjson
import pytest

from libs.contracts.errors import UpstreamError
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.replies.answers import Answers
from tests.unit.pii.replies.dictionary import Dictionary

ORIGINALS = {"Mary": "Jane", "Smith": "Doe", "Quincy": 'Jo "Q"\n', "4165550199": "9055551234", "900000001": "046454286"}
OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES


def answers(dialect: Dialect, *, json: bool = False) -> Answers:
    return Answers(dialect=dialect, restoring=Dictionary(ORIGINALS), json=json)


def restored(dialect: Dialect, answer: Any, *, json: bool = False) -> Any:
    return orjson.loads(answers(dialect, json=json).restored(orjson.dumps(answer)))


def message(**members: Any) -> dict[str, Any]:
    return {
        "id": "Mary",
        "choices": [{"index": 0, "message": {"role": "assistant", **members}, "finish_reason": "stop"}],
    }


def arguments(answer: dict[str, Any]) -> Any:
    return answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]


def call(written: Any) -> dict[str, Any]:
    return message(tool_calls=[{"id": "Mary", "type": "function", "function": {"name": "Mary", "arguments": written}}])


def test_every_text_of_a_completion_is_restored_and_no_name_or_id() -> None:
    given = message(
        content="to Mary", refusal="no Smith", reasoning_content="Mary?", reasoning="Mary", audio={"transcript": "Mary"}
    )
    wanted = message(
        content="to Jane", refusal="no Doe", reasoning_content="Jane?", reasoning="Jane", audio={"transcript": "Jane"}
    )

    assert restored(OPENAI, given) == wanted
    assert restored(OPENAI, call('{"to":"Mary"}')) == call('{"to":"Jane"}')


def test_every_choice_is_restored() -> None:
    given = {"choices": [{"index": n, "message": {"content": said}} for n, said in enumerate(("Mary", "Smith"))]}

    assert [each["message"]["content"] for each in restored(OPENAI, given)["choices"]] == ["Jane", "Doe"]


def test_arguments_get_their_originals_escaped() -> None:
    assert orjson.loads(arguments(restored(OPENAI, call('{"to":"Quincy"}')))) == {"to": ORIGINALS["Quincy"]}


def test_a_number_in_arguments_is_restored_as_one_where_it_is_one() -> None:
    given = '{"phone":4165550199,"sin":900000001}'

    assert orjson.loads(arguments(restored(OPENAI, call(given)))) == {"phone": 9055551234, "sin": "046454286"}


@pytest.mark.parametrize("written", ["to Mary", '{"to":"Mary'])
def test_arguments_that_were_cut_are_restored_too(written: str) -> None:
    assert arguments(restored(OPENAI, call(written))) == written.replace("Mary", "Jane")


def test_tokens_one_by_one_are_not_shown() -> None:
    given = message(content="Hello")
    given["choices"][0]["logprobs"] = {"content": [{"token": "Mary"}]}

    assert restored(OPENAI, given)["choices"][0]["logprobs"] is None


def test_every_text_of_a_message_is_restored_and_no_thought_name_or_id() -> None:
    hosted = {"type": "server_tool_use", "id": "Mary", "name": "web_search", "input": {"query": "Mary"}}
    thought = {"type": "thinking", "thinking": "Mary", "signature": "Mary"}
    given = {
        "id": "Mary",
        "content": [
            thought,
            hosted,
            {"type": "text", "text": "to Mary", "citations": [{"cited_text": "Mary", "encrypted_index": "Mary"}]},
            {
                "type": "tool_use",
                "id": "Mary",
                "name": "Mary",
                "input": {"Mary": ["Quincy", 4165550199, 900000001, 1.5]},
            },
        ],
        "stop_sequence": "Mary",
    }
    wanted = {
        "id": "Mary",
        "content": [
            thought,
            hosted,
            {"type": "text", "text": "to Jane", "citations": [{"cited_text": "Jane", "encrypted_index": "Mary"}]},
            {
                "type": "tool_use",
                "id": "Mary",
                "name": "Mary",
                "input": {"Jane": [ORIGINALS["Quincy"], 9055551234, "046454286", 1.5]},
            },
        ],
        "stop_sequence": "Jane",
    }

    assert restored(ANTHROPIC, given) == wanted


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        (OPENAI, message(content='{"to":"Quincy"}')),
        (ANTHROPIC, {"content": [{"type": "text", "text": '{"to":"Quincy"}'}]}),
    ],
)
def test_an_answer_in_json_stays_json(dialect: Dialect, answer: Any) -> None:
    found = restored(dialect, answer, json=True)
    said = found["content"][0]["text"] if dialect == ANTHROPIC else found["choices"][0]["message"]["content"]

    assert orjson.loads(said) == {"to": ORIGINALS["Quincy"]}


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(
    "answer", [b'{ "input_tokens" : 3 }', b'{"content":[],"choices":[3]}', b"[]", b' {"id": "Mary"}']
)
def test_what_holds_nothing_to_restore_keeps_its_bytes(dialect: Dialect, answer: bytes) -> None:
    assert answers(dialect).restored(answer) == answer


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
def test_an_error_is_restored(dialect: Dialect) -> None:
    assert restored(dialect, {"error": {"message": "no Mary"}}) == {"error": {"message": "no Jane"}}


def test_an_answer_comes_in_pieces_and_goes_out_whole() -> None:
    whole = answers(OPENAI).whole()
    body = orjson.dumps(message(content="Mary"))

    assert [whole.feed(body[:40]), whole.feed(body[40:])] == [b"", b""]
    assert orjson.loads(whole.close()) == message(content="Jane")
    assert whole.close() == b""


def test_what_is_said_beside_an_answer_is_restored() -> None:
    assert answers(OPENAI).sentence("Mary is not known") == "Jane is not known"
    assert Answers(dialect=OPENAI, restoring=Dictionary({})).sentence("Mary") == "Mary"


def test_where_nothing_was_substituted_no_answer_is_read() -> None:
    assert Answers(dialect=OPENAI, restoring=Dictionary({})).restored(b"no json") == b"no json"


def test_what_is_no_json_is_the_provider_s_failure() -> None:
    with pytest.raises(UpstreamError):
        answers(OPENAI).restored(b"no json")


def test_an_answer_too_deep_to_be_written_again_is_the_provider_s_failure() -> None:
    with pytest.raises(UpstreamError):
        answers(ANTHROPIC).restored(b'{"content":[{"type":"text","text":"Mary"}],"x":' + b"[" * 990 + b"]" * 990 + b"}")
