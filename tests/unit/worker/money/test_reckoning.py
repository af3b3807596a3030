"""The most that a call can come to: never less than its bill, whatever is answered, and no more than need be held."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.catalog.billing.bill import bill
from libs.catalog.billing.holds import SLICE
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.contracts.northern.v1.ledger_pb2 import Hold
from services.worker.money.reckoning import Asked, Reckoning, reckon
from tests.unit.worker.known import CATALOG

MINI, GPT5, QWEN = "openai/gpt-4.1-mini-us", "openai/gpt-5-us", "Qwen/Qwen3-14B"
OPUS, HAIKU = "anthropic/claude-opus-4-8-us", "anthropic/claude-haiku-4-5-20251001-us"
FLASH = "vertex_ai/gemini-2.5-flash-ca"
NOW_MS = 1_795_262_392_000
OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES


def reckoned(route: str = MINI, size: int = 1_000, dialect: Dialect = OPENAI, **shape: Any) -> Reckoning:
    envelope = Envelope(dialect=dialect, received_at_ms=NOW_MS, shape=Shape(**shape))
    return reckon(CATALOG, CATALOG.routes[route], envelope, Asked(size))


def test_a_stream_is_held_for_in_slices_and_a_whole_answer_all_at_once() -> None:
    most = CATALOG.routes[MINI].capabilities.max_output_tokens
    stream, whole = reckoned(stream=True), reckoned(stream=False)
    assert (stream.first, stream.limit, stream.seen) == (SLICE, most, True)
    assert (whole.first, whole.limit, whole.seen) == (most, most, False)


@pytest.mark.parametrize("stream", [True, False])
def test_a_limit_of_the_caller_bounds_what_is_held(stream: bool) -> None:
    assert reckoned(stream=stream, max_tokens=50).first == 50
    assert reckoned(stream=stream, max_tokens=50, choices=4).first == 200


def test_every_choice_is_held_for_since_servers_of_ones_own_have_no_most_of_them() -> None:
    assert reckoned(QWEN, max_tokens=10, choices=1_000).first == 10_000
    most = reckoned(max_tokens=(1 << 32) - 1, choices=(1 << 32) - 1, size=32 << 20)
    assert Hold(tokens=most.rate_tokens).tokens == most.rate_tokens


@pytest.mark.parametrize("route", [OPUS, HAIKU])
def test_who_asks_for_no_tokens_to_warm_a_cache_holds_for_none(route: str) -> None:
    found = reckoned(route, size=4_000, dialect=ANTHROPIC, max_tokens=0)
    assert (found.first, found.limit, found.rate_tokens) == (0, 0, 1_000)
    assert found.bound(found.first) < reckoned(route, size=4_000, dialect=ANTHROPIC, max_tokens=1).bound(1)


@pytest.mark.parametrize(
    ("route", "asked", "seen"),
    [
        (MINI, False, True),
        (MINI, True, True),
        (QWEN, True, True),
        (HAIKU, False, True),
        (HAIKU, True, False),
        (OPUS, True, False),
        (FLASH, False, False),
        (GPT5, False, False),
    ],
)
def test_thoughts_that_are_billed_and_not_shown_are_held_for_from_the_beginning(
    route: str, asked: bool, seen: bool
) -> None:
    found = reckoned(route, stream=True, thinking=asked, max_tokens=20_000)
    assert found.seen is seen
    assert found.first == (SLICE if seen else 20_000)


def test_a_claude_that_is_asked_in_openais_dialect_is_given_our_limit() -> None:
    can = CATALOG.routes[OPUS].capabilities
    assert reckoned(OPUS).limit == can.default_max_tokens
    assert reckoned(OPUS, thinking=True).limit == can.max_output_tokens
    assert reckoned(MINI).limit == CATALOG.routes[MINI].capabilities.max_output_tokens


def test_images_are_counted_as_images_and_not_as_the_text_that_carries_them() -> None:
    plain, pictured = reckoned(size=1_000), reckoned(size=901_000, images=1, image_bytes=900_000)
    assert pictured.prompt_bytes == plain.prompt_bytes
    assert pictured.bound(1) > plain.bound(1)
    assert reckoned(size=10, image_bytes=50).prompt_bytes == 0


@pytest.mark.parametrize(
    ("member", "more"),
    [
        ({"source": {"type": "url", "url": "https://example.com/a.pdf"}, "type": "document"}, True),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, True),
        ({"type": "file", "file": {"file_id": "file_1"}}, True),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, True),
        ({"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "x"}]}, True),
        ({"type": "document", "source": {"type": "base64", "data": "JVBERi0="}}, False),
        ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, False),
        ({"type": "text", "text": '{"type":"document","source":{"type":"url"}} "file_id":'}, False),
        ({"mcp_servers": []}, False),
    ],
)
def test_what_a_body_only_names_may_fill_the_models_window(member: dict[str, Any], more: bool) -> None:
    asked = Asked.of(orjson.dumps({"messages": [{"role": "user", "content": [member]}]}))
    assert asked.names_more is more
    envelope = Envelope(dialect=ANTHROPIC, received_at_ms=NOW_MS, shape=Shape(max_tokens=50))
    found = reckon(CATALOG, CATALOG.routes[HAIKU], envelope, asked)
    used = Usage(cache_write_1h=CATALOG.routes[HAIKU].capabilities.context_window, output=50)
    owed = bill(CATALOG, CATALOG.routes[HAIKU], used, found.at).billed.total_nano
    assert (owed <= found.bound(50)) is more
    assert found.rate_tokens < 200


def test_tools_and_schemas_bring_the_vendors_own_words_into_the_prompt() -> None:
    assert reckoned(tools=1).bound(1) > reckoned().bound(1)
    assert reckoned(schema=True).bound(1) > reckoned().bound(1)


def test_what_the_limits_a_minute_count_is_what_is_usual() -> None:
    assert reckoned(size=4_001, max_tokens=100).rate_tokens == 1_001 + 100
    assert reckoned(size=4_000).rate_tokens == 1_000 + 256


ROUTES = st.sampled_from(sorted(CATALOG.routes))
TIERS = st.sampled_from(["", "default", "flex", "priority", "standard", "batch"])


@settings(max_examples=200)
@given(
    route=ROUTES,
    size=st.integers(0, 2_000_000),
    parts=st.lists(st.integers(0, 1_000), min_size=4, max_size=4),
    slices=st.lists(st.integers(1, 9_000), max_size=4),
    first=st.integers(1, 20_000),
    share=st.integers(0, 1_000),
    tier=TIERS,
)
def test_a_bound_and_its_extensions_cover_every_bill_within_them(
    route: str, size: int, parts: list[int], slices: list[int], first: int, share: int, tier: str
) -> None:
    """However the prompt is spread over its buckets, whatever tier served it, however much of the output came."""
    found = reckoned(route, size, stream=True)
    held = found.bound(first) + sum(found.more(each) for each in slices)
    total = max(1, sum(parts))
    buckets = [size * part // total for part in parts]
    output = (first + sum(slices)) * share // 1_000
    usage = Usage(
        input=buckets[0],
        cache_read=buckets[1],
        cache_write_5m=buckets[2],
        cache_write_1h=buckets[3],
        output=output,
        service_tier=tier,
    )
    assert bill(CATALOG, CATALOG.routes[route], usage, found.at).billed.total_nano <= held


@settings(max_examples=100)
@given(route=ROUTES, size=st.integers(0, 100_000), nano=st.integers(0, 10**9), most=st.integers(0, 10_000))
def test_what_fits_into_an_amount_is_exactly_that_much(route: str, size: int, nano: int, most: int) -> None:
    found = reckoned(route, size, stream=True)
    first, more = found.first_within(nano), found.more_within(nano, most)
    assert first == 0 or found.bound(first) <= nano
    assert first == found.first or found.bound(first + 1) > nano
    assert more == 0 or found.more(more) <= nano
    assert more == most or found.more(more + 1) > nano


@settings(max_examples=60)
@given(
    st.sampled_from([MINI, OPUS, FLASH]),
    st.integers(1, 100_000),
    st.integers(1, 20_000),
    st.integers(1, 5_000),
)
def test_of_a_call_by_the_accounts_own_credential_the_fee_alone_is_held_and_it_covers_what_is_billed(
    route: str, prompt: int, output: int, more: int
) -> None:
    envelope = Envelope(received_at_ms=NOW_MS, shape=Shape(stream=True))
    ours = reckon(CATALOG, CATALOG.routes[route], envelope, Asked(prompt))
    envelope.policy.byok = True
    own = reckon(CATALOG, CATALOG.routes[route], envelope, Asked(prompt))
    assert own.bound(output) * 5 < ours.bound(output)
    used = Usage(input=prompt, output=output + more)
    billed = bill(CATALOG, CATALOG.routes[route], used, own.at, byok=True).billed.total_nano
    assert 0 < billed <= own.bound(output) + own.more(more)
