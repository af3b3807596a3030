"""What a finished request is charged: by its facts alone, on the terms of the moment it came in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.catalog.billing.bill import bill
from libs.catalog.describe import BYOK
from libs.catalog.load import load
from libs.contracts.northern.v1.envelope_pb2 import Operation
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from services.billing.charges import charge, has_account
from tests.support.money_facts import AT_MS, ROUTE, egress, finished

CATALOG = load(Path("infra/config"))
AT = datetime.fromtimestamp(AT_MS / 1000, UTC)


def test_a_completed_request_costs_what_its_usage_comes_to() -> None:
    said = finished().finished
    charged = charge(CATALOG, egress().egress, said, AT_MS)
    route = CATALOG.routes[ROUTE.route_id]
    assert charged.bill == bill(CATALOG, route, said.usage, AT)
    assert charged.total_nano == charged.amount_nano + charged.fee_nano > 0


@pytest.mark.parametrize("outcome", [Outcome.OUTCOME_FAILED, Outcome.OUTCOME_NOT_SENT])
def test_what_failed_before_the_first_byte_is_free(outcome: Outcome) -> None:
    charged = charge(CATALOG, egress().egress, finished(outcome=outcome).finished, AT_MS)
    assert (charged.total_nano, charged.usage) == (0, Usage())


def test_counting_tokens_costs_nothing() -> None:
    begun = egress().egress
    begun.operation = Operation.OPERATION_COUNT_TOKENS
    assert charge(CATALOG, begun, finished().finished, AT_MS).total_nano == 0


def test_an_accounts_own_credential_pays_the_routing_fee_alone() -> None:
    begun = egress().egress
    begun.route.credential_source = BYOK
    charged = charge(CATALOG, begun, finished().finished, AT_MS)
    assert charged.amount_nano == 0
    assert charged.bill is not None
    assert charged.bill.byok
    assert charged.fee_nano == charged.total_nano


def test_a_route_that_left_the_catalogue_is_charged_nothing_and_said_to_be_unpriced() -> None:
    begun = egress().egress
    begun.route.route_id = "gone/model"
    charged = charge(CATALOG, begun, finished().finished, AT_MS)
    assert (charged.bill, charged.total_nano) == (None, 0)


def test_a_request_is_charged_on_the_terms_of_the_moment_it_came_in() -> None:
    """By which its hold was reckoned: a markup that rises meanwhile must not overrun it."""
    terms = CATALOG.terms
    today = terms.markup(ROUTE.route_id, ROUTE.tier, AT.date())
    dearer = replace(today, percent=today.percent + 5 * 10**8, effective=AT.date() + timedelta(days=1))
    risen = replace(terms, markups={**terms.markups, ROUTE.tier: (*terms.markups[ROUTE.tier], dearer)})
    catalog = replace(CATALOG, terms=risen)
    tomorrow_ms = AT_MS + 86_400_000
    before = charge(CATALOG, egress().egress, finished().finished, AT_MS).total_nano
    assert charge(catalog, egress().egress, finished().finished, tomorrow_ms).total_nano == before
    assert charge(catalog, egress(at_ms=tomorrow_ms).egress, finished().finished, tomorrow_ms).total_nano > before


def test_the_route_that_the_end_states_wins() -> None:
    said = finished().finished
    said.route.CopyFrom(RouteFacts(route_id="gone/model"))
    assert charge(CATALOG, egress().egress, said, AT_MS).bill is None


def test_a_lost_worker_is_charged_for_what_was_forwarded() -> None:
    charged = charge(CATALOG, egress().egress, finished(outcome=Outcome.OUTCOME_WORKER_LOST).finished, AT_MS)
    assert (charged.usage.input, charged.usage.output, charged.usage.estimated) == (0, 200, True)


def test_names_that_nobody_can_have_belong_to_no_account() -> None:
    good = finished()
    assert has_account(good, egress().egress)
    good.request_id = "g" * 16
    assert not has_account(good, egress().egress)
    long = egress(key="k" * 65).egress
    assert not has_account(finished(), long)
    assert not has_account(finished(tenant=""), egress().egress)
