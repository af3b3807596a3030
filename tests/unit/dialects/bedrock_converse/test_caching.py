"""Cache marks as Converse's cache points."""

from libs.dialects.form import Cache, Role, Text, Tool, ToolCall, ToolResult, Turn
from tests.unit.dialects.bedrock_converse.judge import NOVA, PLAIN, QUESTION, SONNET, sent

POINT = {"cachePoint": {"type": "default"}}
TOOL = Tool(name="f", schema={"type": "object"}, cache=Cache.SHORT)
SYSTEM = (Text(text="rules", cache=Cache.LONG), Text(text="more"))
USER = Turn(role=Role.USER, parts=(Text(text="one", cache=Cache.SHORT), Text(text="two")))


def test_claude_gets_a_point_behind_each_mark() -> None:
    written = sent(USER, flags=SONNET, tools=(TOOL,), system=SYSTEM)
    assert written.body["system"] == [
        {"text": "rules"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "more"},
    ]
    assert written.body["messages"][0]["content"] == [{"text": "one"}, POINT, {"text": "two"}]
    assert written.body["toolConfig"]["tools"][1] == POINT
    assert written.dropped == ()


def test_nova_gets_none_among_its_tools_and_no_long_one() -> None:
    written = sent(USER, flags=NOVA, tools=(TOOL,), system=SYSTEM)
    assert written.body["system"][1] == POINT
    assert len(written.body["toolConfig"]["tools"]) == 1
    assert written.dropped == ("cache_control",)
    assert sent(USER, flags=NOVA).dropped == ()
    assert sent(QUESTION, flags=NOVA, system=SYSTEM).dropped == ("cache_control",)


def test_a_model_that_caches_nothing_gets_no_points_and_the_caller_is_told() -> None:
    written = sent(USER, flags=PLAIN, system=SYSTEM)
    assert written.dropped == ("cache_control",)
    assert "cachePoint" not in str(written.body)
    assert sent(QUESTION, flags=PLAIN).dropped == ()


def test_a_results_point_stands_behind_the_result_and_stays_there_when_results_go_first() -> None:
    call = Turn(role=Role.ASSISTANT, parts=(ToolCall(id="a", name="f", arguments={}),))
    result = ToolResult(id="a", parts=(Text(text="42", cache=Cache.SHORT),))
    turn = Turn(role=Role.USER, parts=(Text(text="and", cache=Cache.SHORT), result))
    content = sent(QUESTION, call, turn, flags=SONNET).body["messages"][2]["content"]
    assert [next(iter(block)) for block in content] == ["toolResult", "cachePoint", "text", "cachePoint"]
    assert content[0]["toolResult"]["content"] == [{"text": "42"}]


def test_the_last_four_points_are_kept() -> None:
    parts = tuple(Text(text=str(at), cache=Cache.SHORT) for at in range(6))
    written = sent(Turn(role=Role.USER, parts=parts), flags=SONNET, tools=(TOOL,))
    content = written.body["messages"][0]["content"]
    assert content == [{"text": "0"}, {"text": "1"}, *(b for at in "2345" for b in ({"text": at}, POINT))]
    assert len(written.body["toolConfig"]["tools"]) == 1
    assert written.dropped == ("cache_control",)


def test_a_prefill_is_trimmed_before_its_point() -> None:
    prefill = Turn(role=Role.ASSISTANT, parts=(Text(text="{ ", cache=Cache.SHORT),))
    assert sent(QUESTION, prefill, flags=SONNET).body["messages"][1]["content"] == [{"text": "{"}, POINT]
