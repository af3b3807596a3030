"""Every bad input has an error that names the member; header and body agree; rules only narrow; the shape is right."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from libs.contracts.errors import InvalidRequest, RouteNotAllowed
from libs.contracts.northern.v1.envelope_pb2 import PiiAsk, Surface
from services.ingress import domain
from services.ingress.inference import shapes
from tests.unit.ingress.asking import CHAT, chat, read

INFERENCE = replace(CHAT, surface=Surface.SURFACE_INFERENCE)
USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b"[1]",
        b'"text"',
        b"null",
        b"1",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} {"b":2}',
        b"{'a':1}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_one_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match="the body"):
        domain.parse(raw)


@pytest.mark.parametrize("coding", ["utf-16", "latin-1"])
def test_another_charset_is_refused_by_a_sentence_that_says_which_one_is_read(coding: str) -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        domain.parse('{"model": "é"}'.encode(coding))


def test_duplicate_members_collapse_to_the_last_so_that_nobody_downstream_reads_another() -> None:
    raw = b'{"model":"a","model":"b","residency":["US"],"residency":["CA"],"messages":[{"role":"user","role":"user"}]}'
    asked = domain.read(domain.parse(raw), {}, domain.Allowed(tiers=domain.TIERS, residency=()), CHAT)
    assert asked.shape.model == "b"
    assert list(asked.policy.residency) == ["CA"]
    assert asked.body == b'{"messages":[{"role":"user"}]}'


@pytest.mark.parametrize("depth", [200, 300, 1_000])
def test_nesting_too_deep_to_be_sent_on_is_refused_as_the_callers_fault(depth: int) -> None:
    raw = b'{"model":"m","messages":[{"role":"user"}],"deep":' + b"[" * depth + b"]" * depth + b"}"
    body = domain.parse(raw)
    allowed = domain.Allowed(tiers=domain.TIERS, residency=())
    if depth < 250:
        assert domain.read(body, {}, allowed, CHAT).body.count(b"[") == depth + 1
        return
    with pytest.raises(InvalidRequest, match="nested"):
        domain.read(body, {}, allowed, CHAT)


BAD: list[tuple[str, Any, str]] = [
    ("model", ..., "model"),
    ("model", None, "model"),
    ("model", "", "model"),
    ("model", 7, "model"),
    ("model", ["m"], "model"),
    ("model", "m" * 257, "model"),
    ("messages", ..., "messages"),
    ("messages", [], "messages"),
    ("messages", "hi", "messages"),
    ("messages", {"role": "user"}, "messages"),
    ("messages", [USER] * (shapes.MAX_MESSAGES + 1), "messages"),
    ("messages", [USER, "hi"], "messages[1]"),
    ("messages", [USER, {"content": "hi"}], "messages[1]"),
    ("messages", [{"role": 1}], "messages[0]"),
    ("stream", "true", "stream"),
    ("stream", 1, "stream"),
    ("stream_options", "x", "stream_options"),
    ("stream_options", [], "stream_options"),
    ("max_tokens", -1, "max_tokens"),
    ("max_tokens", 1.5, "max_tokens"),
    ("max_tokens", True, "max_tokens"),
    ("max_tokens", "12", "max_tokens"),
    ("max_completion_tokens", [1], "max_completion_tokens"),
    ("max_completion_tokens", -3, "max_completion_tokens"),
    ("privacy_tier", "gold", "privacy_tier"),
    ("privacy_tier", "", "privacy_tier"),
    ("privacy_tier", ["provider_api"], "privacy_tier"),
    ("residency", "CA", "residency"),
    ("residency", [], "residency"),
    ("residency", [""], "residency"),
    ("residency", [1], "residency"),
    ("residency", ["C" * 17], "residency"),
    ("residency", ["ca"], "residency"),
    ("residency", ["CA "], "residency"),
    ("residency", ["*"], "residency"),
    ("residency", ["CA"] * 65, "residency"),
    ("residency", ["C\u00c4"], "residency"),
    ("residency", ["C\r\nA"], "residency"),
    ("residency", {"CA": 1}, "residency"),
    ("allow_fallbacks", "no", "allow_fallbacks"),
    ("allow_fallbacks", 0, "allow_fallbacks"),
    ("allow_fallbacks", None, "allow_fallbacks"),
    ("pii_substitution", "yes", "pii_substitution"),
    ("pii_substitution", 1, "pii_substitution"),
]


@pytest.mark.parametrize(("member", "value", "param"), BAD)
def test_a_bad_member_is_refused_by_name(member: str, value: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(chat(**{member: value}))
    assert caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize("value", [-0.1, 2.1, "1", True, [], {}, 1e300])
def test_a_temperature_out_of_range_is_refused_on_the_inference_surface_alone(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(chat(temperature=value), call=INFERENCE)
    assert caught.value.param == "temperature"
    assert orjson.loads(read(chat(temperature=value)).body)["temperature"] == value


@pytest.mark.parametrize("value", [0, 2, 1.0, 0.7, None])
def test_a_temperature_in_range_is_passed_on(value: Any) -> None:
    assert orjson.loads(read(chat(temperature=value), call=INFERENCE).body)["temperature"] == value


@pytest.mark.parametrize("name", ["routing", "pii_policy", "conversation_id", "privacy_tier"])
def test_our_own_fields_as_null_are_not_given_and_not_sent_on(name: str) -> None:
    assert name not in orjson.loads(read(chat(**{name: None})).body)


def test_substitution_is_off_unless_it_is_asked_for() -> None:
    for more in ({}, {"pii_substitution": False}, {"pii_substitution": None}, {"conversation_id": "c"}):
        asked = read(chat(**more))
        assert asked.pii is None
        assert not {"pii_substitution", "conversation_id"} & set(orjson.loads(asked.body))


def test_what_is_said_of_substitution_goes_beside_the_body() -> None:
    asked = read(chat(pii_substitution=True, pii_policy="clinic", conversation_id="c-1"))
    assert asked.pii == PiiAsk(policy="clinic", conversation_id="c-1")
    assert set(orjson.loads(asked.body)) == {"messages"}
    assert read(chat(), headers={"X-NI-PII-Substitution": "true"}).pii == PiiAsk()


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"pii_policy": "clinic"}, "pii_policy"),  # says how, and nothing says that
        ({"pii_policy": "clinic", "pii_substitution": False}, "pii_policy"),
        ({"pii_policy": 1, "pii_substitution": True}, "pii_policy"),
        ({"pii_policy": "", "pii_substitution": True}, "pii_policy"),
        ({"pii_policy": "x" * 65, "pii_substitution": True}, "pii_policy"),
        ({"conversation_id": ["c"], "pii_substitution": True}, "conversation_id"),
        ({"conversation_id": "c\n", "pii_substitution": True}, "conversation_id"),
        ({"conversation_id": "é"}, "conversation_id"),
    ],
)
def test_what_is_said_of_substitution_must_make_sense(more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(chat(**more))
    assert caught.value.param == param


# --- headers and body -----------------------------------------------------------------------------------------------

BOTH: list[tuple[str, Any, str]] = [
    ("privacy_tier", "provider_api", " provider_api "),
    ("residency", ["CA", "US"], "CA, US"),
    ("residency", ["CA"], ",CA,"),
    ("allow_fallbacks", False, "False"),
    ("allow_fallbacks", True, "true"),
    ("pii_substitution", False, "FALSE"),
]


@pytest.mark.parametrize(("member", "value", "text"), BOTH)
def test_a_header_says_what_the_member_says(member: str, value: Any, text: str) -> None:
    header = {domain.HEADER_FORMS[member]: text}
    by_body, by_header, by_both = (
        read(chat(**{member: value})),
        read(chat(), header),
        read(chat(**{member: value}), header),
    )
    assert by_body == by_header == by_both
    assert member not in orjson.loads(by_both.body)


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("privacy_tier", "provider_api", "self_hosted"),
        ("privacy_tier", None, "self_hosted"),
        ("residency", ["CA"], "US"),
        ("residency", ["CA"], "CA,US"),
        ("allow_fallbacks", False, "true"),
        ("pii_substitution", False, "true"),
    ],
)
def test_a_header_that_contradicts_the_member_is_refused(member: str, value: Any, text: str) -> None:
    with pytest.raises(InvalidRequest, match="contradict") as caught:
        read(chat(**{member: value}), {domain.HEADER_FORMS[member]: text})
    assert caught.value.param == member


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("allow_fallbacks", "yes"),
        ("allow_fallbacks", ""),
        ("pii_substitution", "1"),
        ("residency", ""),
        ("residency", ",,"),
        ("residency", "\udcff"),
        ("residency", "C" * 17),
        ("residency", "ca"),
        ("residency", "Canada"),
        ("residency", "CA;US"),
        ("residency", "none"),
        ("privacy_tier", "\udcff"),
        ("privacy_tier", ""),
    ],
)
def test_a_header_of_nonsense_is_refused_by_the_members_name(member: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(chat(), {domain.HEADER_FORMS[member]: text})
    assert caught.value.param == member
    caught.value.message.encode()  # what the caller sent does not spoil the answer


@pytest.mark.parametrize("member", list(domain.HEADER_FORMS))
def test_a_header_that_came_twice_is_refused_rather_than_half_read(member: str) -> None:
    """A client's own and one that a proxy has put beside it: which of the two is meant, nobody can tell."""
    text = {"residency": "CA", "privacy_tier": "self_hosted"}.get(member, "true")
    name = domain.HEADER_FORMS[member]
    assert read(chat(), CIMultiDict([(name, text)]))
    with pytest.raises(InvalidRequest, match="more than once") as caught:
        read(chat(), CIMultiDict([(name, text), (name, text)]))
    assert caught.value.param == member


# --- what the key allows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "asked", "left"),
    [
        ((), None, []),
        ((), ["CA"], ["CA"]),
        (("CA",), None, ["CA"]),
        (("CA", "US"), ["CA"], ["CA"]),
        (("CA",), ["CA", "US"], ["CA"]),
        (("CA",), ["US"], ["none"]),
    ],
)
def test_residency_is_only_narrowed_and_rules_that_exclude_each_other_leave_nothing(
    key: tuple[str, ...], asked: list[str] | None, left: list[str]
) -> None:
    body = chat() if asked is None else chat(residency=asked)
    policy = read(body, allowed=domain.Allowed(tiers=domain.TIERS, residency=key)).policy
    assert list(policy.residency) == left


def test_a_tier_the_key_does_not_allow_is_refused_and_the_others_are_named() -> None:
    allowed = domain.Allowed(tiers=("self_hosted",), residency=())
    with pytest.raises(RouteNotAllowed, match="self_hosted") as caught:
        read(chat(privacy_tier="provider_api"), allowed=allowed)
    assert caught.value.param == "privacy_tier"
    policy = read(chat(privacy_tier="self_hosted"), allowed=allowed).policy
    assert (policy.tier, list(policy.allowed_tiers)) == ("self_hosted", ["self_hosted"])


def test_a_plain_request_asks_for_no_tier_and_allows_fallbacks() -> None:
    policy = read(chat()).policy
    assert (policy.tier, policy.allow_fallbacks) == ("", True)


# --- the shape ------------------------------------------------------------------------------------------------------


def test_the_shape_says_what_the_router_may_know() -> None:
    parts = [{"type": "text", "text": "what is é"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "image"}]
    asked = read(
        chat(
            messages=[
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "one"},
                {"role": "user", "content": parts},
                {"role": "assistant", "content": None},
            ],
            stream=True,
            stream_options={"include_usage": True},
            tools=[{}, {}],
            response_format={"type": "json_object"},
            max_tokens=99,
            max_completion_tokens=77,
        )
    )
    shape = asked.shape
    assert (shape.model, shape.stream, shape.include_usage) == ("openai/gpt-4.1-mini-us", True, True)
    assert (shape.text_bytes, shape.last_user_turn) == (8 + 3 + 10, "what is é")
    assert (shape.images, shape.tools, shape.schema, shape.max_tokens) == (2, 2, True, 77)
    assert asked.stream_options == b'{"include_usage":true}'
    assert not {"model", "stream_options"} & set(orjson.loads(asked.body))


def test_what_is_not_said_is_nothing_in_the_shape() -> None:
    asked = read(chat(stream=None, stream_options=None, max_tokens=None, tools=None, response_format=None))
    shape = asked.shape
    said = (shape.stream, shape.include_usage, shape.tools, shape.schema, shape.max_tokens, shape.images)
    assert not any(said)
    assert asked.stream_options == b""


@pytest.mark.parametrize("letter", ["a", "é", "漢", "🦊"])
def test_the_last_turn_travels_with_both_its_ends_in_at_most_2_kb(letter: str) -> None:
    text = f"first {letter * 5_000} last"
    turn = read(chat(messages=[{"role": "user", "content": text}])).shape.last_user_turn
    assert 2_000 < len(turn.encode()) <= 2_048
    assert (turn.startswith("first "), turn.endswith(" last")) == (True, True)
    assert set(turn) == set(text) | {"\n"}


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", '"quoted"', "x" * 255, " padded "])
def test_a_clients_own_name_for_a_request_is_taken_as_it_is(given: str) -> None:
    assert domain.idempotency_key([given]) == given.strip()


def test_none_is_none() -> None:
    assert domain.idempotency_key([]) == ""


@pytest.mark.parametrize("given", [[""], ["  "], ["x" * 256], ["two words"], ["é"], ["\udcff"], ["a\tb"], ["a", "a"]])
def test_a_name_that_is_not_one_visible_value_is_refused_by_name(given: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="1 to 255 visible") as raised:
        domain.idempotency_key(given)
    assert raised.value.param == "Idempotency-Key"
