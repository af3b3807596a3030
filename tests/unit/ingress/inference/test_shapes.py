"""What the router may know of Anthropic's bodies, and of images named by URL in either dialect."""

from typing import Any

import orjson
import pytest

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Shape
from services.ingress.inference import shapes
from tests.unit.ingress.asking import COUNT, MESSAGES, chat, message, read

USER = {"role": "user", "content": "hi"}
HTTPS = "https://example.com/photo.jpg"
DATA = "data:image/png;base64,AAAA"


def image(**source: str) -> dict[str, Any]:
    return {"type": "image", "source": source}


def shape(**more: Any) -> Shape:
    return read(message(**more), call=MESSAGES).shape


def test_the_shape_says_what_the_router_may_know() -> None:
    found = [{"type": "text", "text": "résumé"}, image(type="url", url=HTTPS)]
    asked = read(
        message(
            system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
            messages=[
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": found}]},
                {"role": "user", "content": [image(type="base64", media_type="image/png", data="AAAA")]},
            ],
            stream=True,
            tools=[{}, {}, {}],
            output_config={"effort": "low", "format": {"type": "json_schema", "schema": {}}},
            max_tokens=77,
        ),
        call=MESSAGES,
    ).shape
    assert (asked.model, asked.stream, asked.include_usage) == ("claude-sonnet-4-5-20250929", True, False)
    assert (asked.text_bytes, asked.last_user_turn) == (8 + 3 + 8, "one")
    assert (asked.images, asked.image_links) == (2, 1)
    assert (asked.tools, asked.schema, asked.max_tokens) == (3, True, 77)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ("four", 4),
        ([{"type": "text", "text": "four"}], 4),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "four"}], 4),
        ([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "four"}]}], 4),
        ([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "four"}}], 4),
        ([{"type": "document", "source": {"type": "content", "content": "four"}}], 4),
        ([{"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "four"}]}}], 4),
        ([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}], 0),
        ([{"type": "search_result", "source": "x", "title": "y", "content": [{"type": "text", "text": "four"}]}], 4),
        ([{"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": {"text": "four"}}}], 4),
    ],
)
def test_text_counts_wherever_a_block_holds_it(content: Any, size: int) -> None:
    assert shape(messages=[{"role": "user", "content": content}]).text_bytes == size


@pytest.mark.parametrize(
    ("system", "size"), [("four", 4), ([{"type": "text", "text": "漢"}], 3), ([], 0), (None, 0), (..., 0), (7, 0)]
)
def test_the_system_prompt_counts(system: Any, size: int) -> None:
    assert shape(system=system).text_bytes == 2 + size


def test_an_image_inside_a_document_or_a_result_is_an_image() -> None:
    nested = [{"type": "tool_result", "content": [{"type": "document", "source": {"content": [image(url=HTTPS)]}}]}]
    found = shape(messages=[{"role": "user", "content": nested}])
    assert (found.images, found.image_links) == (1, 1)


@pytest.mark.parametrize(
    ("place", "linked"),
    [
        (image(type="url", url=HTTPS), True),
        (image(type="url", url="HTTPS://EXAMPLE.COM/a"), True),
        (image(type="url", url="http://example.com/a"), True),  # whoever fetches it refuses it; it is not carried here
        (image(type="url", url=DATA), False),
        (image(type="base64", media_type="image/png", data="AAAA"), False),
        (image(type="file", file_id="file_1"), False),
        ({"type": "image"}, False),
        ({"type": "image", "source": None}, False),
        ({"type": "image", "image_url": {"url": DATA}, "source": {"type": "url", "url": HTTPS}}, True),
    ],
)
def test_an_image_named_by_a_url_is_a_link_and_one_that_is_carried_is_none(place: Any, linked: bool) -> None:
    found = shape(messages=[{"role": "user", "content": [place]}])
    assert (found.images, found.image_links) == (1, int(linked))


@pytest.mark.parametrize(
    ("place", "linked"),
    [
        ({"url": HTTPS}, True),
        ({"url": HTTPS, "detail": "high"}, True),
        (HTTPS, True),
        ({"url": DATA}, False),
        ({"url": DATA.upper()}, False),
        (DATA, False),
        ({"url": None}, False),
        ({}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("role", ["user", "tool"])
def test_so_it_is_in_a_chat(place: Any, linked: bool, role: str) -> None:
    said = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": place}]
    found = read(chat(messages=[{"role": role, "content": said}])).shape
    assert (found.images, found.image_links) == (1, int(linked))


@pytest.mark.parametrize(
    ("messages", "turn"),
    [
        ([USER], "hi"),
        ([USER, {"role": "assistant", "content": "no"}], "hi"),
        ([USER, {"role": "user", "content": [{"type": "tool_result", "content": "found"}]}], "hi"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "reminder"}, {"type": "text", "text": "said"}]}],
            "said",
        ),
        ([{"role": "user", "content": [{"type": "text", "text": "said"}, {"type": "text", "text": ""}]}], "said"),
        ([{"role": "user", "content": []}], ""),
        ([{"role": "user"}], ""),
        ([{"role": "assistant", "content": "no"}], ""),
    ],
)
def test_the_last_turn_is_what_the_user_said_last_and_no_result_of_a_tool(messages: Any, turn: str) -> None:
    assert shape(messages=messages).last_user_turn == turn


def test_the_last_turn_travels_with_both_its_ends_in_at_most_2_kb() -> None:
    turn = shape(messages=[{"role": "user", "content": "問" + "漢" * 5_000 + "答"}]).last_user_turn
    assert 2_000 < len(turn.encode()) <= 2_048
    assert (turn[0], turn[-1]) == ("問", "答")


def test_a_turn_that_ends_with_the_result_of_a_tool_is_not_over() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "4"}
    told = {"type": "text", "text": "a reminder"}
    assert shape(messages=[USER, {"role": "user", "content": [result, told]}]).tool_loop
    assert not shape(messages=[{"role": "user", "content": [result]}, USER]).tool_loop
    assert not shape().tool_loop
    assert read(chat(messages=[USER, {"role": "tool", "content": "4", "tool_call_id": "t"}])).shape.tool_loop
    assert not read(chat(messages=[{"role": "tool", "content": "4"}, USER])).shape.tool_loop


def test_sound_is_counted() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    asked = read(chat(messages=[{"role": "user", "content": [sound, sound]}])).shape
    assert (asked.audio, asked.images, asked.last_user_turn) == (2, 0, "")


@pytest.mark.parametrize(
    ("more", "schema"),
    [
        ({"output_config": {"format": {"type": "json_schema"}}}, True),
        ({"output_format": {"type": "json_schema"}}, True),
        ({"output_config": {"effort": "high"}}, False),
        ({"output_config": None}, False),
        ({"output_config": "x", "output_format": "y"}, False),
        ({"response_format": {"type": "json_object"}}, False),  # OpenAI's name: unknown to this dialect
    ],
)
def test_a_wanted_format_is_a_schema(more: dict[str, Any], schema: bool) -> None:
    assert shape(**more).schema is schema


@pytest.mark.parametrize("value", [..., None])
def test_max_tokens_must_be_given_for_an_answer_and_need_not_for_a_count(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^max_tokens: Field required") as caught:
        shape(max_tokens=value)
    assert caught.value.param == "max_tokens"
    assert read(message(max_tokens=value), call=COUNT).shape.max_tokens == 0


def test_no_tokens_at_all_may_be_asked_for_and_the_number_is_sent_on() -> None:
    asked = read(message(max_tokens=0), call=MESSAGES)  # it only warms the cache
    assert asked.shape.max_tokens == 0
    assert orjson.loads(asked.body)["max_tokens"] == 0


def test_a_long_talk_of_an_agent_is_within_the_limit_and_the_dialects_own_limit_holds() -> None:
    assert shape(messages=[USER] * (shapes.MAX_MESSAGES + 1)).last_user_turn == "hi"
    with pytest.raises(InvalidRequest, match="100000"):
        shape(messages=[USER] * (shapes.MAX_ANTHROPIC_MESSAGES + 1))


def test_blocks_within_blocks_are_counted_as_deep_as_a_body_may_be() -> None:
    content: Any = "four"
    for _ in range(120):
        content = [{"type": "tool_result", "content": content}]
    assert shape(messages=[{"role": "user", "content": content}]).text_bytes == 4


# --- what a hold is reckoned with ------------------------------------------------------------------------------------


def test_images_that_are_carried_are_counted_as_they_are_encoded_and_links_are_not() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": DATA}},
        {"type": "image_url", "image_url": DATA},
        {"type": "image_url", "image_url": {"url": HTTPS}},
    ]
    found = read(chat(messages=[{"role": "user", "content": parts}])).shape
    assert (found.images, found.image_links, found.image_bytes) == (3, 1, 2 * len(DATA))
    carried = image(type="base64", media_type="image/png", data="A" * 900)
    inside = {"type": "tool_result", "tool_use_id": "t", "content": [carried, image(type="url", url=HTTPS)]}
    assert shape(messages=[{"role": "user", "content": [inside, carried]}]).image_bytes == 1_800


@pytest.mark.parametrize(
    "part", [{"type": "image_url"}, {"type": "image_url", "image_url": {"url": 7}}, image(data="")]
)
def test_an_image_that_is_none_weighs_nothing(part: dict[str, Any]) -> None:
    assert read(chat(messages=[{"role": "user", "content": [part]}])).shape.image_bytes == 0


@pytest.mark.parametrize(
    ("n", "choices"), [(..., 0), (None, 0), (1, 0), (4, 4), (0, 0), (-3, 0), ("4", 0), (1 << 40, 0)]
)
def test_how_many_answers_are_asked_for_at_once(n: Any, choices: int) -> None:
    assert read(chat(n=n)).shape.choices == choices


@pytest.mark.parametrize(
    ("more", "thinking"),
    [
        ({}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning": {}}, True),
    ],
)
def test_whether_the_model_is_asked_to_think(more: dict[str, Any], thinking: bool) -> None:
    assert read(chat(**more)).shape.thinking is thinking


@pytest.mark.parametrize(
    ("more", "thinking"),
    [
        ({}, False),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": {"type": "adaptive"}}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": None}, False),
        ({"output_config": {"effort": "high"}}, True),
        ({"output_config": 7}, False),
    ],
)
def test_whether_a_claude_is_asked_to_think(more: dict[str, Any], thinking: bool) -> None:
    assert shape(**more).thinking is thinking
