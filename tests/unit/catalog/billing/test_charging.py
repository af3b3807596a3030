"""Who pays for what when a call ends in one way or another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.billing.charging import chargeable
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.frames_pb2 import Usage
from tests.unit.catalog.billing.cases import USAGES

COMPLETED, FAILED, CUT = Outcome.OUTCOME_COMPLETED, Outcome.OUTCOME_FAILED, Outcome.OUTCOME_CUT
CANCELLED, LOST = Outcome.OUTCOME_CANCELLED, Outcome.OUTCOME_WORKER_LOST
FREE = Usage()
SAID = Usage(input=100, cache_read=50, output=30, reasoning=20, images=2, service_tier="flex")


def test_a_completed_call_is_charged_as_the_provider_says() -> None:
    assert chargeable(COMPLETED, SAID, 77, text_bytes=999) == SAID
    assert chargeable(COMPLETED, Usage(input=9, output=3, estimated=True), 12).estimated


def test_a_call_of_a_tool_without_arguments_has_tokens_alone_and_is_charged() -> None:
    assert chargeable(COMPLETED, SAID, 0) == SAID


@pytest.mark.parametrize("said", [FREE, Usage(input=5_000), Usage(cache_read=5_000, images=1)])
def test_an_empty_answer_is_free(said: Usage) -> None:
    assert chargeable(COMPLETED, said, 0, text_bytes=10_000) == FREE


@pytest.mark.parametrize("said", [Usage(input=5, cache_write_5m=5_000), Usage(cache_write_1h=5_000, images=1)])
def test_a_prompt_that_was_written_into_the_providers_cache_is_charged_though_no_answer_was_asked_for(
    said: Usage,
) -> None:
    assert chargeable(COMPLETED, said, 0, text_bytes=10_000) == said


def test_an_answer_whose_provider_says_nothing_of_usage_is_estimated() -> None:
    assert chargeable(COMPLETED, FREE, 9, text_bytes=41) == Usage(input=11, output=3, estimated=True)
    assert chargeable(COMPLETED, Usage(input=7), 9, text_bytes=41) == Usage(input=7)  # it says: no output


@given(
    outcome=st.sampled_from([FAILED, Outcome.OUTCOME_NOT_SENT, Outcome.OUTCOME_UNSPECIFIED]),
    usage=USAGES,
    output_bytes=st.integers(0, 10**6),
)
def test_what_failed_before_the_first_byte_or_was_never_sent_is_free(
    outcome: Outcome, usage: Usage, output_bytes: int
) -> None:
    assert chargeable(outcome, usage, output_bytes, text_bytes=100) == FREE


@pytest.mark.parametrize("outcome", [CANCELLED, CUT])
def test_a_client_that_left_and_a_provider_that_broke_off_are_charged_what_was_forwarded(outcome: Outcome) -> None:
    said = Usage(input=100, cache_read=50, output=1, images=2, service_tier="flex")  # by the first event
    assert chargeable(outcome, said, 40, text_bytes=999) == Usage(
        input=100, cache_read=50, output=10, images=2, service_tier="flex", estimated=True
    )
    assert chargeable(outcome, Usage(images=2), 41, text_bytes=81) == Usage(
        input=21, output=11, images=2, estimated=True
    )
    assert chargeable(outcome, SAID, 40).reasoning == 10  # a part of the output, never more than it


@pytest.mark.parametrize("outcome", [CANCELLED, CUT, LOST])
def test_nothing_forwarded_is_nothing_charged(outcome: Outcome) -> None:
    assert chargeable(outcome, SAID, 0, text_bytes=100) == FREE


def test_a_lost_worker_costs_the_caller_what_was_forwarded_and_not_the_prompt() -> None:
    assert chargeable(LOST, FREE, 41, text_bytes=1_000) == Usage(output=11, estimated=True)


@given(outcome=st.sampled_from(Outcome.values()), usage=USAGES, output_bytes=st.integers(0, 10**6))
def test_the_usage_that_was_said_is_never_changed_in_place(outcome: Outcome, usage: Usage, output_bytes: int) -> None:
    before = usage.SerializeToString(deterministic=True)
    chargeable(outcome, usage, output_bytes, text_bytes=10)
    assert usage.SerializeToString(deterministic=True) == before
