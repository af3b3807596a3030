"""The record of a request from its facts."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Operation
from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from services.custody.records import Row, decimal, pending, record, rfc3339
from services.custody.statements import statement

Make = Callable[..., Fact]
AT = 1_800_000_000_000


def rows(facts: Sequence[Fact]) -> list[Row]:
    return [Row(stream_seq=n, idx=0, said=statement(made)) for n, made in enumerate(facts, start=1)]


def test_a_whole_request_is_sealed_and_carries_the_header_values_under_both_spellings(fact: Make) -> None:
    made = record(rows([fact("egress"), fact("finished"), fact("delivered")]), AT)
    assert made["status"] == "sealed"
    expected = {
        "resolved-tier": "managed_canadian_cloud",
        "resolved-provider": "Bedrock",
        "resolved-region": "ca-central-1",
        "resolved-jurisdiction": "CA",
        "custody-path": "NI-CA -> Bedrock-CA",
        "credential-source": "platform",
        "resolved-litellm-model": "bedrock/claude-sonnet-4-5",
        "processing-jurisdiction": "CA",
        "residency-evidence": "contracted",
        "attempts": 1,
        "sandbox": True,
    }
    for name, value in expected.items():
        assert made[name] == value
        assert made[name.replace("-", "_")] == value
    assert made["outcome"] == "completed"
    assert made["error_code"] is None
    assert made["cost"] == {"amount": "1.2345", "currency": "CAD", "rate_card": "2026-11"}
    assert made["usage"]["output"] == 34
    assert made["received_at"] == "2027-01-15T07:59:59.995Z"
    assert made["finished_at"] == "2027-01-15T08:00:00.000Z"
    assert made["provider"]["address"] == "192.0.2.7"
    assert made["hashes"] == {
        "algorithm": "HMAC-SHA-256",
        "salt": "01" * 32,
        "request_received": "02" * 32,
        "request_sent": "03" * 32,
        "response_received": "04" * 32,
        "response_delivered": "05" * 32,
    }
    assert made["delivery"]["state"] == "complete"
    assert [f["stream_seq"] for f in made["facts"]] == [1, 2, 3]


def test_a_running_request_is_pending_and_already_says_where_it_went(fact: Make) -> None:
    made = record(rows([fact("egress")]), AT)
    assert (made["status"], made["outcome"], made["resolved_provider"]) == ("pending", None, "Bedrock")


def test_without_a_delivered_the_record_is_sealed_10_s_after_finished(fact: Make) -> None:
    facts = rows([fact("egress"), fact("finished")])
    assert record(facts, AT + 10_000)["status"] == "pending"
    late = record(facts, AT + 10_001)
    assert (late["status"], late["delivery"]) == ("sealed", {"state": "unknown"})


def test_of_several_finished_the_first_in_stream_order_counts_whatever_order_rows_come_in(fact: Make) -> None:
    facts = rows([fact("egress"), fact("finished"), fact("finished", outcome=Outcome.OUTCOME_FAILED)])
    made = record(list(reversed(facts)), AT)
    assert (made["outcome"], made["finished_ignored"]) == ("completed", 1)


def test_a_row_written_twice_is_one_fact(fact: Make) -> None:
    facts = rows([fact("egress"), fact("finished"), fact("delivered")])
    assert record(facts + facts, AT) == record(facts, AT)


def test_a_refused_request_is_sealed_as_refused(fact: Make) -> None:
    made = record(rows([fact("refused")]), AT)
    assert (made["status"], made["outcome"]) == ("sealed", "refused")
    assert (made["error_code"], made["rule"]) == ("residency_refused", "residency CA")
    assert made["provider"] is None
    assert made["hashes"] is None


def test_the_hash_of_what_was_sent_is_that_of_the_attempt_that_counts(fact: Make) -> None:
    second = fact("egress", attempt=1, sent_hash=b"\x09" * 32)
    made = record(rows([fact("egress"), second, fact("finished", attempts=2), fact("delivered")]), AT)
    assert made["hashes"]["request_sent"] == "09" * 32
    assert made["attempts"] == 2


def test_a_reaped_request_says_so_and_shows_the_route_of_its_egress(fact: Make) -> None:
    lost = fact("finished", outcome=Outcome.OUTCOME_WORKER_LOST, error_code="worker_lost", currency="", rate_card="")
    lost.finished.ClearField("route")
    made = record(rows([fact("egress"), lost, fact("delivered")]), AT)
    assert (made["outcome"], made["error_code"], made["route"]) == (
        "worker_lost",
        "worker_lost",
        "bedrock/claude-sonnet-4-5-ca",
    )
    assert made["cost"] is None


def test_the_record_says_which_call_it_was_and_who_fetched_its_images(fact: Make) -> None:
    egress = fact(
        "egress",
        dialect=Dialect.DIALECT_ANTHROPIC_MESSAGES,
        operation=Operation.OPERATION_COUNT_TOKENS,
        images_fetched=2,
        images_linked=1,
    )
    made = record(rows([egress, fact("finished"), fact("delivered")]), AT)
    assert (made["dialect"], made["operation"]) == ("anthropic_messages", "count_tokens")
    assert made["images"] == {"fetched_by_gateway": 2, "fetched_by_provider": 1}
    plain = record(rows([fact("egress")]), AT)
    assert (plain["dialect"], plain["operation"]) == ("openai_chat", "generate")
    assert plain["images"] == {"fetched_by_gateway": 0, "fetched_by_provider": 0}


def test_of_several_attempts_the_images_of_the_one_that_counts_are_shown(fact: Make) -> None:
    first, second = fact("egress", images_linked=3), fact("egress", attempt=1, images_fetched=3)
    made = record(rows([first, second, fact("finished", attempts=2)]), AT)
    assert made["images"] == {"fetched_by_gateway": 3, "fetched_by_provider": 0}


def test_facts_from_before_these_members_read_as_an_answer_without_links(fact: Make) -> None:
    (egress,) = rows([fact("egress")])
    old = {name: value for name, value in egress.said.items() if name != "operation" and "images" not in name}
    made = record([replace(egress, said=old)], AT)
    assert made["operation"] == "generate"
    assert made["images"] == {"fetched_by_gateway": 0, "fetched_by_provider": 0}


def test_what_never_reached_a_worker_says_nothing_of_it(fact: Make) -> None:
    made = record(rows([fact("refused")]), AT)
    assert (made["operation"], made["dialect"], made["images"]) == (None, None, None)


def test_no_fact_is_no_record() -> None:
    with pytest.raises(ValueError, match="fact"):
        record([], AT)
    assert pending("0" * 16)["status"] == "pending"


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (1, "0.000000001"), (1_500_000_000, "1.50"), (-250_000_000, "-0.25"), (100_000_000_000, "100.00")],
)
def test_money_is_a_decimal_string(nano: int, text: str) -> None:
    assert decimal(nano) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_time_a_fact_may_claim_breaks_the_record(at_ms: int) -> None:
    shown = rfc3339(at_ms)
    assert shown is None or shown.endswith("Z")


def test_what_was_substituted_is_told_by_type_and_where_that_was_not_asked_for_there_is_nothing(fact: Make) -> None:
    assert record(rows([fact("egress")]), AT)["pii"] is None
    said = Fact(request_id="0123456789abcdef", tenant="t_one", at_ms=AT)
    said.pii.policy, said.pii.counts["EMAIL"] = "clinic", 2
    more = Fact(request_id="0123456789abcdef", tenant="t_one", at_ms=AT)
    more.pii.policy, more.pii.part = "clinic", 1
    made = record(rows([more, fact("egress"), said, fact("finished"), fact("delivered")]), AT)
    assert made["pii"] == {"policy": "clinic", "counts": {"EMAIL": 2}}
    assert made["status"] == "sealed"
