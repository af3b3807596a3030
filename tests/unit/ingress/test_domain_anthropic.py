"""Anthropic's bodies: every bad member is refused by name, ours come out, `stream` too; versions are plain text."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from libs.contracts.errors import InvalidRequest, NorthernError, RouteNotAllowed
from libs.contracts.northern.v1.envelope_pb2 import Surface
from services.ingress import domain
from tests.unit.ingress.asking import ALL, CHAT, COUNT, MESSAGES, message, read

USER = {"role": "user", "content": "hi"}

BAD: list[tuple[str, Any, str]] = [
    ("model", ..., "model"),
    ("model", "", "model"),
    ("model", 7, "model"),
    ("model", "m" * 257, "model"),
    ("messages", ..., "messages"),
    ("messages", [], "messages"),
    ("messages", "hi", "messages"),
    ("messages", {"role": "user"}, "messages"),
    ("messages", [USER, "hi"], "messages[1]"),
    ("messages", [USER, None], "messages[1]"),
    ("messages", [USER, {"content": "hi"}], "messages[1]"),
    ("messages", [{"role": 1}], "messages[0]"),
    ("stream", "true", "stream"),
    ("stream", 1, "stream"),
    ("max_tokens", -1, "max_tokens"),
    ("max_tokens", 1.5, "max_tokens"),
    ("max_tokens", True, "max_tokens"),
    ("max_tokens", "12", "max_tokens"),
    ("privacy_tier", "gold", "privacy_tier"),
    ("residency", "CA", "residency"),
    ("allow_fallbacks", "no", "allow_fallbacks"),
    ("pii_substitution", "yes", "pii_substitution"),
]


@pytest.mark.parametrize(("member", "value", "param"), BAD)
def test_a_bad_member_is_refused_by_a_sentence_that_names_it(member: str, value: Any, param: str) -> None:
    """The dialect's errors have no `param`: the sentence alone can say where."""
    for call in (MESSAGES, COUNT):
        with pytest.raises(InvalidRequest) as caught:
            read(message(**{member: value}), call=call)
        assert caught.value.param == param
        assert param in caught.value.message


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"pii_policy": "clinic"}, InvalidRequest),
        ({"routing": {}}, InvalidRequest),
        ({"model": "auto", "routing": {"optimize": "best"}}, InvalidRequest),
        ({"privacy_tier": "provider_api"}, RouteNotAllowed),
    ],
)
def test_our_own_fields_mean_what_they_mean_in_a_chat(more: dict[str, Any], kind: type[NorthernError]) -> None:
    allowed = domain.Allowed(tiers=("self_hosted",), residency=())
    with pytest.raises(kind):
        read(message(**more), allowed=allowed, call=MESSAGES)


def test_model_stream_and_our_own_fields_are_taken_out_and_everything_else_stays_in_its_order() -> None:
    kept: dict[str, Any] = {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 80,
        "stream_options": {"include_usage": True},  # unknown to this dialect: not ours to judge
        "messages": [USER],
        "metadata": {"user_id": "u", "model": "kept", "stream": True, "residency": ["kept"]},
        "future_member": [None, 1.5, "é", {"a": {}}],
    }
    ours = {"privacy_tier": "provider_api", "residency": ["CA"], "allow_fallbacks": False, "pii_policy": None}
    asked = read({"stream": True, **ours, "model": "claude-opus-4-7[1m]", **kept}, call=MESSAGES)
    assert asked.body == orjson.dumps(kept)
    assert asked.stream_options == b""
    assert (asked.shape.model, asked.shape.stream, asked.shape.include_usage) == ("claude-opus-4-7[1m]", True, False)
    assert (asked.policy.tier, list(asked.policy.residency)) == ("provider_api", ["CA"])
    assert not asked.policy.allow_fallbacks


def test_a_header_says_what_the_member_says() -> None:
    by_header = read(message(), {"X-Privacy-Tier": "provider_api"}, call=MESSAGES)
    assert by_header == read(message(privacy_tier="provider_api"), call=MESSAGES)
    with pytest.raises(InvalidRequest, match="contradict"):
        read(message(privacy_tier="self_hosted"), {"X-Privacy-Tier": "provider_api"}, call=MESSAGES)


@pytest.mark.parametrize("stream", [False, None])
def test_a_count_that_says_it_is_no_stream_is_counted_and_one_that_is_to_be_streamed_is_refused(stream: Any) -> None:
    asked = read(message(stream=stream), call=COUNT)
    assert not asked.shape.stream
    assert "stream" not in orjson.loads(asked.body)
    with pytest.raises(InvalidRequest, match=r"^stream: ") as caught:
        read(message(stream=True), call=COUNT)
    assert caught.value.param == "stream"


def test_the_inference_surface_has_its_range_of_temperatures_in_this_dialect_too() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(message(temperature=3), call=replace(MESSAGES, surface=Surface.SURFACE_INFERENCE))
    assert caught.value.param == "temperature"
    assert orjson.loads(read(message(temperature=3), call=MESSAGES).body)["temperature"] == 3


DUPLICATES = [
    (b'{"max_tokens":1,"max_tokens":2,"messages":[{"role":"user"}]}', {"max_tokens": 2}),
    (b'{"max_tokens":2,"messages":[],"messages":[{"role":"a","role":"user"}]}', {"messages": [{"role": "user"}]}),
    (b'{"max_tokens":2,"messages":[{"role":"user","content":[{"text":"a","text":"b"}]}]}', None),
    (b'{"max_tokens":2,"messages":[{"role":"user","content":[[{"text":"a","text":{"x":1,"x":2}}]]}]}', None),
    (b'{"max_tokens":2,"messages":[{"role":"user"}],"tools":[{"a":[{"b":1,"b":[{"c":1,"c":2}]}]}]}', None),
    (b'{"max_tokens":2,"messages":[{"role":"user"}],"mod\\u0065l":"n","model":"m"}', None),
    (b'{"max_tokens":2,"messages":[{"role":"us\\u0065r","rol\\u0065":"user"}]}', {"messages": [{"role": "user"}]}),
]


@pytest.mark.parametrize(("raw", "said"), DUPLICATES)
@pytest.mark.parametrize("call", [CHAT, MESSAGES], ids=["chat", "messages"])
def test_duplicate_members_collapse_to_the_last_at_every_level(
    raw: bytes, said: dict[str, Any] | None, call: domain.Call
) -> None:
    whole = b'{"model":"z","model":"m",' + raw[1:]
    asked = domain.read(domain.parse(whole), {}, ALL, call)
    wanted = {name: value for name, value in orjson.loads(whole).items() if name != "model"}
    assert asked.shape.model == "m"
    assert asked.body == orjson.dumps(wanted)  # no member twice: what was checked is all there is to read
    for name, value in (said or {}).items():
        assert orjson.loads(asked.body)[name] == value


@pytest.mark.parametrize(
    ("headers", "betas", "found"),
    [
        ({}, (), ("", "")),
        ({"anthropic-version": "2023-06-01"}, ("a-2025-01-01",), ("2023-06-01", "a-2025-01-01")),
        ({"anthropic-version": " next year's "}, ("a, b", "c"), ("next year's", "a, b,c")),
        ({"anthropic-version": "v" * domain.MAX_VERSION}, ("b" * domain.MAX_BETA,), ("v" * 64, "b" * 4_096)),
    ],
)
def test_versions_and_betas_of_any_value_are_taken(
    headers: dict[str, str], betas: tuple[str, ...], found: tuple[str, str]
) -> None:
    assert domain.versions(headers, betas) == found


@pytest.mark.parametrize("text", ["\udcff", "é", "a\r\nx: y", "a\x00b", "a\tb", "x" * 5_000])
def test_what_could_not_be_sent_again_is_refused_by_the_headers_name_and_not_repeated(text: str) -> None:
    for name, headers, betas in (
        ("anthropic-version", {"anthropic-version": text}, ()),
        ("anthropic-beta", {}, ("fine", text)),
    ):
        with pytest.raises(InvalidRequest, match=name) as caught:
            domain.versions(headers, betas)
        assert caught.value.param == name
        assert text not in caught.value.message
