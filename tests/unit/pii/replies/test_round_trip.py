"""A request substituted, echoed by a model in either dialect and restored, by the real substitutes and restorer."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.entities import Entity, EntityType
from services.pii.replies.answers import Answers
from services.pii.replies.restoring import Restoring
from services.pii.requests.bodies import read, write
from services.pii.substitutes.substitution import Substitution
from tests.support.dialect_strategies import CUTS, cut
from tests.unit.pii.replies.wire import DONE, call, chunk, delta, event, fed, said_by, start, stop
from tests.unit.pii.replies.wire import read as data_of

OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
NAMES = {"Marguerite Okonkwo-Tremblay": EntityType.PERSON, "m.okonkwo@acme.example": EntityType.EMAIL}
SAID = 'Write to Marguerite Okonkwo-Tremblay <m.okonkwo@acme.example>, s.v.p.: "d\'accord" \\ 🙂'
ARGUMENTS = {"to": "Marguerite Okonkwo-Tremblay", "deep": [{"mail": "m.okonkwo@acme.example"}], "n": 3}


def entities(text: str) -> list[Entity]:
    found = [
        Entity(start=text.find(name), end=text.find(name) + len(name), type=type_, score=1.0, recognizer="test")
        for name, type_ in NAMES.items()
        if name in text
    ]
    return sorted(found, key=lambda entity: entity.start)


def masked(dialect: Dialect, body: dict[str, Any]) -> tuple[dict[str, Any], Substitution]:
    texts, substitution = read(dialect, body), Substitution(b"k" * 32)
    for word in (*texts.kept, *(text.text for text in texts.texts)):
        substitution.read(word)
    return write(texts, [substitution.substitute(text.text, entities(text.text)) for text in texts.texts]), substitution


def openai_body() -> dict[str, Any]:
    calls = [{"id": "call_1", "function": {"name": "write", "arguments": orjson.dumps(ARGUMENTS).decode()}}]
    return {"messages": [{"role": "user", "content": SAID}, {"role": "assistant", "tool_calls": calls}]}


def anthropic_body() -> dict[str, Any]:
    block = {"type": "tool_use", "id": "toolu_1", "name": "write", "input": copy.deepcopy(ARGUMENTS)}
    return {"messages": [{"role": "user", "content": SAID}, {"role": "assistant", "content": [block]}]}


def answers(dialect: Dialect, substitution: Restoring) -> Answers:
    return Answers(dialect=dialect, restoring=substitution)


@given(cuts=CUTS, words=CUTS)
def test_openai_s_echo_comes_back_as_it_was_said(cuts: list[int], words: list[int]) -> None:
    body, substitution = masked(OPENAI, openai_body())
    said = body["messages"][0]["content"]
    written = body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    sent = b"".join(chunk({"content": piece.decode("utf-8", "ignore")}) for piece in cut(said.encode(), words))
    if said != "".join(each["choices"][0]["delta"]["content"] for each in data_of(sent)):
        return  # a character was cut in two, which no model does
    sent += b"".join(chunk(call(piece.decode())) for piece in cut(written.encode(), words))
    out = fed(answers(OPENAI, substitution), cut(sent + chunk({}, finish="tool_calls") + DONE, cuts))

    assert not any(name in orjson.dumps(body).decode() for name in NAMES)
    assert said_by(out)[0, "content"] == SAID
    assert orjson.loads(said_by(out)[0, "0"]) == ARGUMENTS


@given(cuts=CUTS, words=CUTS)
def test_anthropic_s_echo_comes_back_as_it_was_said(cuts: list[int], words: list[int]) -> None:
    body, substitution = masked(ANTHROPIC, anthropic_body())
    written = orjson.dumps(body["messages"][1]["content"][0]["input"])
    sent = start(0, type="text", text="") + delta(0, type="text_delta", text=body["messages"][0]["content"]) + stop(0)
    sent += start(1, type="tool_use", id="toolu_2", name="write", input={})
    sent += b"".join(delta(1, type="input_json_delta", partial_json=piece.decode()) for piece in cut(written, words))
    out = data_of(fed(answers(ANTHROPIC, substitution), cut(sent + stop(1) + event("message_stop"), cuts)))
    said = [each["delta"] for each in out if each["type"] == "content_block_delta"]

    assert not any(name in orjson.dumps(body).decode() for name in NAMES)
    assert "".join(each.get("text", "") for each in said) == SAID
    assert orjson.loads("".join(each.get("partial_json", "") for each in said)) == ARGUMENTS


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
def test_the_next_turn_s_history_is_substituted_alike(dialect: Dialect) -> None:
    make = anthropic_body if dialect == ANTHROPIC else openai_body
    first, _ = masked(dialect, make())
    longer = make()
    longer["messages"].append({"role": "user", "content": "And what of Marguerite Okonkwo-Tremblay?"})
    second, _ = masked(dialect, longer)

    assert second["messages"][:2] == first["messages"]


def test_whole_answers_come_back_too() -> None:
    body, substitution = masked(ANTHROPIC, anthropic_body())
    content = [{"type": "text", "text": body["messages"][0]["content"]}, *body["messages"][1]["content"]]
    out = orjson.loads(answers(ANTHROPIC, substitution).restored(orjson.dumps({"content": content})))

    assert out["content"][0]["text"] == SAID
    assert out["content"][1]["input"] == ARGUMENTS
