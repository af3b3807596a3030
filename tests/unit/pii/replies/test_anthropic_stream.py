"""Anthropic's streams restored: lanes by block, what is held and when it comes, and what passes byte for byte."""

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.replies.answers import Answers
from tests.unit.pii.replies.dictionary import Dictionary
from tests.unit.pii.replies.wire import delta, event, fed, read, start, stop

ORIGINALS = {"Mary Smith": "Jane Doe", "Mary": "Jane", "Smith": "Doe", "Quincy": 'Jo "Q" Néé\n'}
CRLF = (
    b'event: content_block_delta\r\ndata: {"type": "content_block_delta", "index": 2, '
    b'"delta": {"text": "Hello", "type": "text_delta"}}\r\n\r\n'
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def answers(*, json: bool = False) -> Answers:
    return Answers(dialect=Dialect.DIALECT_ANTHROPIC_MESSAGES, restoring=Dictionary(ORIGINALS), json=json)


def text(index: int, said: str) -> bytes:
    return delta(index, type="text_delta", text=said)


def json(index: int, said: str) -> bytes:
    return delta(index, type="input_json_delta", partial_json=said)


def test_a_name_cut_into_deltas_is_restored_and_the_rest_comes_before_the_block_ends() -> None:
    out = read(fed(answers(), [start(0, type="text", text=""), text(0, "to Mary"), PING, text(0, " Smi"), stop(0)]))

    assert [each["type"] for each in out[1:]] == [
        "content_block_delta",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
    ]
    said = [each["delta"]["text"] for each in out if each["type"] == "content_block_delta"]
    assert said == ["to ", "", "Jane Smi"]


def test_what_holds_nothing_to_restore_passes_byte_for_byte() -> None:
    passing = b"".join(
        [
            event("message_start", message={"id": "msg_1", "usage": {"input_tokens": 1}}),
            PING,
            b": keep-alive\n\n",
            start(0, type="thinking", thinking="", signature=""),
            delta(0, type="thinking_delta", thinking="of Mary"),
            delta(0, type="signature_delta", signature="Mary"),
            stop(0),
            start(1, type="redacted_thinking", data="Mary"),
            stop(1),
            start(2, type="text", text=""),
            CRLF,
            stop(2),
            start(3, type="server_tool_use", id="Mary", name="web_search", input={}),
            json(3, '{"query":"Mary"}'),
            stop(3),
            start(4, type="web_search_tool_result", content=[{"title": "Mary"}]),
            stop(4),
            event(
                "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 1}
            ),
            event("message_stop"),
        ]
    )

    assert fed(answers(), [passing]) == passing


def test_input_gets_its_originals_escaped_and_names_are_left_alone() -> None:
    opening = start(1, type="tool_use", id="Mary", name="Mary", input={})
    out = fed(answers(), [opening, json(1, '{"Mary":"Qui'), json(1, 'ncy"}'), stop(1)])
    said = "".join(each["delta"]["partial_json"] for each in read(out) if each["type"] == "content_block_delta")

    assert out.startswith(opening)
    assert orjson.loads(said) == {"Jane": ORIGINALS["Quincy"]}


def test_input_that_comes_with_its_block_is_restored_value_by_value() -> None:
    (out,) = read(fed(answers(), [start(0, type="tool_use", id="t", name="f", input={"to": ["Quincy"]})]))

    assert out["content_block"]["input"] == {"to": [ORIGINALS["Quincy"]]}


def test_text_that_comes_with_its_block_belongs_to_it() -> None:
    out = read(fed(answers(), [start(0, type="text", text="to Ma"), text(0, "ry"), stop(0)]))

    assert out[0]["content_block"]["text"] == "to "
    assert [each["delta"]["text"] for each in out[1:-1]] == ["", "Jane"]


def test_an_answer_in_json_gets_its_originals_escaped() -> None:
    out = read(fed(answers(json=True), [text(0, '{"to":"Quincy"}'), stop(0)]))

    assert orjson.loads(out[0]["delta"]["text"]) == {"to": ORIGINALS["Quincy"]}


def test_what_is_cited_is_restored() -> None:
    citation = {"type": "char_location", "cited_text": "Mary said", "document_title": "Of Smith", "document_index": 0}
    (out,) = read(fed(answers(), [delta(0, type="citations_delta", citation=citation)]))

    assert out["delta"]["citation"] == {**citation, "cited_text": "Jane said", "document_title": "Of Doe"}


def test_the_stop_sequence_that_ended_it_is_the_caller_s_own() -> None:
    end = event("message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "Mary"}, usage={})
    (out,) = read(fed(answers(), [end]))

    assert out["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "Jane"}


@pytest.mark.parametrize("end", [event("message_delta", delta={}, usage={}), event("message_stop")])
def test_a_block_that_never_ended_gives_what_it_held_before_the_message_does(end: bytes) -> None:
    out = fed(answers(), [text(3, "Mary"), end])

    assert out == text(3, "") + text(3, "Jane") + end


def test_an_error_in_mid_stream_comes_after_what_was_held_and_is_restored() -> None:
    out = fed(answers(), [text(0, "Mary"), event("error", error={"type": "api_error", "message": "no Mary"})])

    assert out == text(0, "") + text(0, "Jane") + event("error", error={"type": "api_error", "message": "no Jane"})


def test_a_stream_that_breaks_off_gives_what_was_held() -> None:
    stream = answers().stream()
    out = stream.feed(text(0, "to Mary") + b"event: content_bl")

    assert out + stream.close() == text(0, "to ") + text(0, "Jane")


def test_blocks_do_not_mix() -> None:
    out = read(fed(answers(), [text(0, "Ma"), text(1, "Smi"), text(0, "ry"), text(1, "th"), stop(1), stop(0)]))
    said = [(each["index"], each["delta"]["text"]) for each in out if each["type"] == "content_block_delta"]

    assert [one for one in said if one[1]] == [(1, "Doe"), (0, "Jane")]
