"""Nothing but short printable ASCII becomes a response header, whatever a provider or a caller wrote."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.contracts.northern.v1.frames_pb2 import Head, RouteFacts
from services.ingress import headers

ANY_TEXT = st.text(st.characters(codec=None), max_size=2_000)  # lone surrogates too
PLAIN = re.compile(r"[ -~]{0,512}")
PROTO_TEXT = st.text(max_size=700)


@given(text=ANY_TEXT)
def test_clean_leaves_at_most_512_printable_ascii_characters(text: str) -> None:
    assert PLAIN.fullmatch(headers.clean(text))


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=512))
def test_what_is_plain_already_stays_as_it_is(text: str) -> None:
    assert headers.clean(text) == text


@pytest.mark.parametrize("text", ["a\r\nset-cookie: x=1", "a\nb", "\x00", "a\u2028b", "é", "\udcff"])
def test_line_ends_and_other_traps_are_encoded(text: str) -> None:
    cleaned = headers.clean(text)
    assert PLAIN.fullmatch(cleaned)
    assert "%" in cleaned or "?" in cleaned


@given(words=st.lists(PROTO_TEXT, min_size=9, max_size=9), places=st.lists(PROTO_TEXT, max_size=3))
def test_every_header_of_a_route_can_be_sent(words: list[str], places: list[str]) -> None:
    names = "tier provider region jurisdiction custody_path credential_source litellm_model evidence route_id".split()
    facts = dict(zip(names, words, strict=True))
    route = RouteFacts(processing_jurisdictions=places, sandbox=True, **facts)
    head = Head(route=route, dropped_params=places, attempts=1)
    for name, value in (headers.custody(route) | headers.outcome(head, 1.25)).items():
        assert PLAIN.fullmatch(value), name


def test_a_route_is_shown_under_the_public_names() -> None:
    route = RouteFacts(
        route_id="bedrock/m-ca",
        tier="managed_canadian_cloud",
        provider="Bedrock",
        region="ca-central-1",
        jurisdiction="CA",
        custody_path="NI-CA -> Bedrock-CA",
        credential_source="platform",
        litellm_model="bedrock/m",
        processing_jurisdictions=["CA", "US"],
        evidence="contracted",
    )
    assert headers.custody(route) == {
        "x-ni-resolved-tier": "managed_canadian_cloud",
        "x-ni-resolved-provider": "Bedrock",
        "x-ni-resolved-region": "ca-central-1",
        "x-ni-resolved-jurisdiction": "CA",
        "x-ni-custody-path": "NI-CA -> Bedrock-CA",
        "x-ni-credential-source": "platform",
        "x-ni-resolved-litellm-model": "bedrock/m",
        "x-ni-processing-jurisdiction": "CA,US",
        "x-ni-residency-evidence": "contracted",
    }
    assert headers.custody(RouteFacts())["x-ni-processing-jurisdiction"] == "unknown"


STATED = {
    "limit-requests": "60",
    "remaining-requests": "59",
    "reset-requests": "1500",
    "limit-tokens": "40000",
    "remaining-tokens": "0",
    "reset-tokens": "120",
}


def test_limits_have_openais_names_and_durations_in_its_dialect() -> None:
    assert headers.limits(STATED, Dialect.DIALECT_OPENAI_CHAT, 0.0) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1.5s",
        "x-ratelimit-limit-tokens": "40000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "120ms",
    }


def test_limits_have_anthropics_names_and_times_in_its_dialect() -> None:
    assert headers.limits(STATED, Dialect.DIALECT_ANTHROPIC_MESSAGES, 1_795_262_392.0) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "2026-11-21T11:59:54Z",
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2026-11-21T11:59:53Z",
    }


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (59_900, "59.9s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (61_250, "1m1.25s"),
    ],
)
def test_a_reset_is_written_as_openai_writes_it(ms: int, said: str) -> None:
    found = headers.limits({"reset-tokens": str(ms)}, Dialect.DIALECT_OPENAI_CHAT, 0.0)
    assert found == {"x-ratelimit-reset-tokens": said}


@given(stated=st.dictionaries(PROTO_TEXT, PROTO_TEXT, max_size=5), dialect=st.sampled_from(Dialect.values()))
def test_what_is_no_limit_becomes_no_header(stated: dict[str, str], dialect: Dialect) -> None:
    for name, value in headers.limits(stated, dialect, 0.0).items():
        assert PLAIN.fullmatch(name + value)
