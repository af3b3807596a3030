"""Cache marks on the way to a cloud: what it would refuse the request over is changed, and nothing else."""

from typing import Any

import orjson
import pytest

from libs.dialects.anthropic_messages.marks import may_be_refused
from libs.dialects.anthropic_messages.passthrough import outgoing

MARK = {"type": "ephemeral"}
SCOPED = {"type": "ephemeral", "scope": "global"}
TEXT = {"type": "text", "text": "s"}
HI = {"role": "user", "content": "hi"}
THOUGHT = {"type": "thinking", "thinking": "h", "signature": "sig"}


def sent(**asked: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(outgoing(orjson.dumps(asked), {"anthropic_version": "v"}, cloud=True))
    assert body.pop("anthropic_version") == "v"
    return body


def test_a_mark_keeps_its_lifetime_and_loses_its_scope_wherever_it_stands() -> None:
    scoped, kept = {"cache_control": SCOPED | {"ttl": "1h"}}, {"cache_control": MARK | {"ttl": "1h"}}

    def everywhere(mark: dict[str, Any]) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": "a", "content": [TEXT | mark], **mark}
        return {
            "tools": [{"name": "f", "input_schema": {}, **mark}],
            "system": [TEXT | mark],
            "messages": [{"role": "user", "content": [result, TEXT | mark]}],
        }

    assert sent(**everywhere(scoped)) == everywhere(kept)


def test_a_scope_in_a_tools_arguments_is_the_callers_own() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {"cache_control": SCOPED}}
    asked = {"system": [TEXT | {"cache_control": SCOPED}], "messages": [{"role": "assistant", "content": [use]}]}
    assert sent(**asked)["messages"] == asked["messages"]


@pytest.mark.parametrize(
    ("messages", "marked"),
    [
        ([HI], [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": MARK}]}]),
        (
            [HI, {"role": "assistant", "content": [TEXT, THOUGHT]}],
            [HI, {"role": "assistant", "content": [TEXT | {"cache_control": MARK}, THOUGHT]}],
        ),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_the_mark_of_the_whole_request_goes_to_its_last_block(messages: Any, marked: Any, last: bool) -> None:
    more = {} if last else {"max_tokens": 1}
    assert sent(messages=messages, cache_control=MARK, **more) == {"messages": marked, **more}
    assert sent(cache_control=MARK, messages=messages, **more) == {"messages": marked, **more}


def test_a_block_that_is_marked_already_keeps_its_own() -> None:
    content = [TEXT | {"cache_control": MARK | {"ttl": "1h"}}]
    messages = [{"role": "user", "content": content}]
    assert sent(messages=messages, cache_control=MARK) == {"messages": messages}


def test_ordinary_marks_leave_every_byte_as_it_is_and_so_does_anthropics_own_address() -> None:
    body = orjson.dumps({"system": [TEXT | {"cache_control": MARK}], "messages": [HI], "max_tokens": 1})
    assert not may_be_refused(body)
    assert outgoing(body, {"a": 1}, cloud=True) == b'{"a":1,' + body[1:]
    scoped = orjson.dumps({"messages": [HI], "cache_control": SCOPED})
    assert outgoing(scoped, {"a": 1}) == b'{"a":1,' + scoped[1:]
