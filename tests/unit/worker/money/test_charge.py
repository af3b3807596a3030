"""What goes on record as used and owed; and that the ledger, from the record alone, comes to the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Operation, Shape
from libs.contracts.northern.v1.facts_pb2 import Egress, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from services.billing.charges import charge as settled
from services.worker.money.charge import Terms, charge
from tests.unit.worker.known import CATALOG, ROUTE

NOW_MS = 1_795_262_392_000
COMPLETED, CUT, FAILED = Outcome.OUTCOME_COMPLETED, Outcome.OUTCOME_CUT, Outcome.OUTCOME_FAILED
CANCELLED, NOT_SENT = Outcome.OUTCOME_CANCELLED, Outcome.OUTCOME_NOT_SENT


def asked(text_bytes: int = 400, images: int = 0, operation: Operation = Operation.OPERATION_GENERATE) -> Terms:
    envelope = Envelope(
        dialect=Dialect.DIALECT_OPENAI_CHAT,
        received_at_ms=NOW_MS,
        operation=operation,
        shape=Shape(text_bytes=text_bytes, images=images),
    )
    return Terms.of(envelope)


def test_what_the_provider_says_of_a_whole_answer_stands() -> None:
    found = charge(CATALOG, ROUTE, asked(), COMPLETED, Usage(input=1_000, output=500), 2_000)
    assert (found.usage.input, found.usage.output, found.usage.estimated) == (1_000, 500, False)
    assert (found.currency, found.billed_currency) == ("USD", "CAD")
    assert found.billed_nano > found.cost_nano > 0


def test_what_it_does_not_say_is_estimated_by_bytes() -> None:
    found = charge(CATALOG, ROUTE, asked(text_bytes=400), COMPLETED, None, 41)
    assert (found.usage.input, found.usage.output, found.usage.estimated) == (100, 11, True)


@pytest.mark.parametrize("said", [Usage(input=1 << 52), Usage(input=9, output=(1 << 53) - 1), Usage(cache_read=10**12)])
def test_usage_that_no_call_can_have_is_estimated_instead(said: Usage) -> None:
    found = charge(CATALOG, ROUTE, asked(text_bytes=400), COMPLETED, said, 41)
    assert found == charge(CATALOG, ROUTE, asked(text_bytes=400), COMPLETED, None, 41)
    assert charge(CATALOG, ROUTE, asked(), FAILED, said, 0).billed_nano == 0


@pytest.mark.parametrize("outcome", [CUT, CANCELLED])
def test_of_a_broken_answer_what_was_forwarded_is_owed_and_no_more(outcome: Outcome) -> None:
    said = Usage(input=77, output=1)  # of the first event, before anything was written
    found = charge(CATALOG, ROUTE, asked(), outcome, said, 400)
    assert (found.usage.input, found.usage.output, found.usage.estimated) == (77, 100, True)
    assert charge(CATALOG, ROUTE, asked(), outcome, said, 0).billed_nano == 0


@pytest.mark.parametrize("outcome", [FAILED, NOT_SENT])
def test_what_failed_or_was_never_sent_is_free(outcome: Outcome) -> None:
    found = charge(CATALOG, ROUTE, asked(), outcome, Usage(input=9, output=9), 99)
    assert (found.usage, found.cost_nano, found.billed_nano) == (Usage(), 0, 0)


def test_an_empty_answer_is_on_record_and_free() -> None:
    found = charge(CATALOG, ROUTE, asked(), COMPLETED, Usage(input=1_000), 0)
    assert (found.usage.input, found.billed_nano) == (1_000, 0)


def test_counting_tokens_is_free_whatever_is_said_of_it() -> None:
    counting = asked(operation=Operation.OPERATION_COUNT_TOKENS)
    assert charge(CATALOG, ROUTE, counting, COMPLETED, Usage(input=9, output=9), 9).billed_nano == 0


def test_images_of_the_prompt_are_on_record_with_what_was_used() -> None:
    found = charge(CATALOG, ROUTE, asked(images=3), COMPLETED, Usage(input=9, output=9), 9)
    assert found.usage.images == 3
    assert charge(CATALOG, ROUTE, asked(images=3), FAILED, None, 0).usage.images == 0


TOKENS = st.integers(0, 1 << 20)
USAGES = st.none() | st.builds(
    Usage,
    input=TOKENS,
    cache_read=TOKENS,
    cache_write_5m=TOKENS,
    cache_write_1h=TOKENS,
    output=TOKENS,
    service_tier=st.sampled_from(["", "priority", "flex", "unheard-of"]),
)


@settings(max_examples=300)
@given(
    route_id=st.sampled_from(sorted(CATALOG.routes)),
    outcome=st.sampled_from(Outcome.values()),
    said=USAGES,
    forwarded=st.integers(0, 1 << 20),
    text_bytes=st.integers(0, 1 << 20),
    images=st.integers(0, 20),
    operation=st.sampled_from(Operation.values()),
)
def test_from_the_record_alone_the_ledger_comes_to_the_same(
    route_id: str,
    outcome: Outcome,
    said: Usage | None,
    forwarded: int,
    text_bytes: int,
    images: int,
    operation: Operation,
) -> None:
    route, terms = CATALOG.routes[route_id], asked(text_bytes, images, operation)
    ours = charge(CATALOG, route, terms, outcome, said, forwarded)
    egress = Egress(received_at_ms=NOW_MS, operation=operation, route=RouteFacts(route_id=route_id))
    finished = Finished(
        outcome=outcome, usage=ours.usage, output_bytes=forwarded, rate_card=route.rate_card, cost_nano=ours.cost_nano
    )
    theirs = settled(CATALOG, egress, finished, NOW_MS)
    assert theirs.bill is not None
    assert theirs.total_nano == ours.billed_nano
    assert theirs.bill.provider.total_nano == ours.cost_nano
