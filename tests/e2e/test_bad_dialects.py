"""What a caller does wrong, in both dialects, on every wire, streamed or not: the contract's error, no other."""

from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.dialects import BOTH, CHAT, MESSAGES, WIRES, Dialect, Told
from tests.e2e.edge import Edge

pytestmark = pytest.mark.street

each_dialect = pytest.mark.parametrize("dialect", BOTH, ids=str)
each_wire = pytest.mark.parametrize("wire", WIRES)
INVALID = Told(status=400, type="invalid_request_error")

HI: dict[str, Any] = {"role": "user", "content": "hi"}
CALL = "toolu_01A09q90qw90lq917835lq9"
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}


def called(arguments: Any, call: str = CALL) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call, "type": "function", "function": {"name": "look", "arguments": arguments}}],
    }


def used(arguments: Any, call: str = CALL) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": call, "name": "look", "input": arguments}]}


def result(call: str = CALL) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": "seen"}


def block(call: str = CALL) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": "seen"}]}


# What is wrong: (OpenAI's members, Anthropic's members); None: the dialect has nothing like it.
WRONG: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "arguments that are no object": (
        {"messages": [HI, called(5), result()], "tools": [FUNCTION]},
        {"messages": [HI, used("x"), block()], "tools": [TOOL]},
    ),
    "an orphan result": (
        {"messages": [HI, result()], "tools": [FUNCTION]},
        {"messages": [HI, {"role": "assistant", "content": "so"}, block()], "tools": [TOOL]},
    ),
    "a result of another call": (
        {"messages": [HI, called("{}"), result("call_other")], "tools": [FUNCTION]},
        {"messages": [HI, used({}), block("toolu_other")], "tools": [TOOL]},
    ),
    "no messages": ({"messages": []}, {"messages": []}),
    "messages that are no list": ({"messages": {"0": HI}}, {"messages": "hi"}),
    "a message that is none": ({"messages": ["hi"]}, {"messages": [None]}),
    "a role of nobody": (
        {"messages": [{"role": "nobody", "content": "hi"}]},
        {"messages": [{"role": "nobody", "content": "hi"}]},
    ),
    "a role of the other dialect": (None, {"messages": [{"role": "developer", "content": "hi"}, HI]}),
    "a tool's turn in the other dialect": (None, {"messages": [HI, {"role": "tool", "content": "x"}]}),
    "a content of a number": (
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": 5}]},
    ),
    "a part of a number": (
        {"messages": [{"role": "user", "content": [5]}]},
        {"messages": [{"role": "user", "content": [5]}]},
    ),
    "a part of no kind": (
        {"messages": [{"role": "user", "content": [{"type": "hologram", "hologram": "x"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "hologram", "hologram": "x"}]}]},
    ),
    "a user without content": ({"messages": [{"role": "user"}]}, {"messages": [{"role": "user"}]}),
    "an image that is none": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
                    ],
                }
            ]
        },
    ),
    "an image that is no base64": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}]}
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "!"}}
                    ],
                }
            ]
        },
    ),
    "a limit of text": ({"messages": [HI], "max_completion_tokens": "5"}, {"messages": [HI], "max_tokens": "5"}),
    "a limit below nought": ({"messages": [HI], "max_completion_tokens": -1}, {"messages": [HI], "max_tokens": -1}),
    "no limit": (None, {"messages": [HI], "max_tokens": None}),
    "tools that are no list": ({"messages": [HI], "tools": FUNCTION}, {"messages": [HI], "tools": TOOL}),
    "a tool without a name": (
        {"messages": [HI], "tools": [{"type": "function", "function": {"parameters": {"type": "object"}}}]},
        {"messages": [HI], "tools": [{"input_schema": {"type": "object"}}]},
    ),
    "a choice of no tool": (
        {
            "messages": [HI],
            "tools": [FUNCTION],
            "tool_choice": {"type": "function", "function": {"name": "elsewhere"}},
        },
        {"messages": [HI], "tools": [TOOL], "tool_choice": {"type": "tool", "name": "elsewhere"}},
    ),
    "a choice without tools": (
        {"messages": [HI], "tool_choice": "required"},
        {"messages": [HI], "tool_choice": {"type": "any"}},
    ),
    "a heat of words": ({"messages": [HI], "temperature": "hot"}, {"messages": [HI], "temperature": "hot"}),
    "a heat beyond all": ({"messages": [HI], "temperature": 11}, {"messages": [HI], "temperature": 11}),
    "a format of no kind": (
        {"messages": [HI], "response_format": {"type": "yaml"}},
        {"messages": [HI], "output_config": {"format": {"type": "yaml"}}},
    ),
    "a thought too short": (None, {"messages": [HI], "thinking": {"type": "enabled", "budget_tokens": 5}}),
    "a stream of words": ({"messages": [HI], "stream": "yes"}, {"messages": [HI], "stream": "yes"}),
    "a member of nobody": ({"messages": [HI], "no_such_member": 1}, {"messages": [HI], "no_such_member": 1}),
}


def wrong_body(dialect: Dialect, what: str, route: str) -> dict[str, Any] | None:
    members = WRONG[what][0 if dialect is CHAT else 1]
    return None if members is None else dialect.body(route, HI["content"]) | members


@each_dialect
@each_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_is_wrong_is_a_400_that_says_what_to_do(
    edge: Edge, dialect: Dialect, wire: str, stream: bool
) -> None:
    wrong = []
    for what in WRONG:
        body = wrong_body(dialect, what, WIRES[wire])
        if body is None:
            continue
        reply = await dialect.send(edge, {"stream": stream, **body})
        said = dialect.told(reply) if reply.status != 200 else None
        if said is not None and dialect is CHAT and wire in OPENAIS:
            said = replace(said, code=None)  # the provider's own word for it
        if said != INVALID or reply.headers["x-should-retry"] != "false":
            wrong.append((what, reply.status, reply.body[:150]))
    assert wrong == []
    assert (await dialect.send(edge, dialect.body(WIRES[wire], "still here?"))).status == 200


# What some wires take and others cannot: OpenAI's own API takes nearly everything, so its callers get its judgement.
EMPTY: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "an empty message": (
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": ""}]},
    ),
    "a blank message": (
        {"messages": [{"role": "user", "content": " \n\t "}]},
        {"messages": [{"role": "user", "content": " \n\t "}]},
    ),
    "no parts": ({"messages": [{"role": "user", "content": []}]}, {"messages": [{"role": "user", "content": []}]}),
    "an empty block": (None, {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}),
    "an empty answer in between": (None, {"messages": [HI, {"role": "assistant", "content": ""}, HI]}),
    "a system prompt alone": ({"messages": [{"role": "system", "content": "Be brief."}]}, None),
    "arguments that are no JSON": ({"messages": [HI, called("{not json"), result()], "tools": [FUNCTION]}, None),
    "a role of the past": ({"messages": [HI, {"role": "function", "name": "look", "content": "x"}]}, None),
}
OPENAIS = {"OpenAI", "Azure"}


@each_dialect
@each_wire
async def test_what_is_empty_is_a_400_wherever_a_provider_would_refuse_it(
    edge: Edge, dialect: Dialect, wire: str
) -> None:
    for what, bodies in EMPTY.items():
        members = bodies[BOTH.index(dialect)]
        if members is None:
            continue
        for stream in (False, True):
            reply = await dialect.send(edge, dialect.body(WIRES[wire], "hi", stream=stream) | members)
            if dialect is CHAT and wire in OPENAIS:
                assert reply.status == 200, (what, reply.body)
            else:
                assert dialect.told(reply) == INVALID, (what, reply.body)


@each_dialect
@each_wire
async def test_an_empty_turn_or_prompt_that_means_nothing_is_left_out(edge: Edge, dialect: Dialect, wire: str) -> None:
    """Editors send them, and no provider's refusal of them would help anybody."""
    said = [{"role": "user", "content": "one"}, {"role": "user", "content": "Repeat this line exactly: two"}]
    empty: dict[str, Any] = {"system": ""} if dialect is MESSAGES else {}
    before = (
        [] if dialect is MESSAGES else [{"role": "system", "content": ""}, HI, {"role": "assistant", "content": ""}]
    )
    reply = await dialect.send(edge, dialect.body(WIRES[wire], [*before, *said], **empty))
    assert reply.status == 200, reply.body
    assert b"two" in reply.body
