"""Who had a request, what each states, and where it was processed: what a provider says itself counts for most."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from libs.contracts.northern.v1.envelope_pb2 import Hop, Try
from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.runtime.identity import Identity
from libs.tlog.testimony import verify
from services.custody.records import Row, record
from services.custody.statements import canonical, statement
from services.worker.requests.testimony import Intent, Witness

Make = Callable[..., Fact]
AT = 1_800_000_000_000
EDGE = Hop(role="ingress", node="e1", build="b-edge", place="CA/ca-central-1", at_ms=AT - 4)
ROUTER = Hop(role="router", node="r1", build="b-router", at_ms=AT - 3)
WITNESS = Witness.read(Identity(role="worker", node="worker-1", build="b-worker", place="CA"), None)
REAL = RouteFacts(
    route_id="anthropic/claude-sonnet-4-6-us",
    provider="Anthropic",
    region="us",
    jurisdiction="US",
    evidence="asserted",
    scope="unstated",
)


def of(facts: Sequence[Fact]) -> dict[str, Any]:
    return record([Row(stream_seq=n, idx=0, said=statement(made)) for n, made in enumerate(facts, 1)], AT)


def served(fact: Make, *, returned: dict[str, str] | None = None, **egress: Any) -> dict[str, Any]:
    """A whole request, its worker's statement signed."""
    sent = fact("egress", **{"hops": [EDGE, ROUTER], "catalogue": "cafe", **egress})
    end = fact("finished", returned=returned or {})
    end.finished.ClearField("route")
    WITNESS.testify(sent.request_id, Intent.of(sent.egress, sent.egress.route), end.finished)
    return of([sent, end, fact("delivered", hop=EDGE)])


def test_every_hop_is_there_in_order_and_the_workers_is_signed(fact: Make) -> None:
    made = served(fact)
    assert [(hop["role"], hop["did"]) for hop in made["hops"]] == [
        ("ingress", "received"),
        ("router", "routed"),
        ("worker", "called"),
        ("provider", "answered"),
        ("ingress", "delivered"),
    ]
    assert [hop.get("build") for hop in made["hops"]][:3] == ["b-edge", "b-router", "b-worker"]
    said = verify(made["hops"][2])
    assert said["endpoint"]["host"] == made["entry"]["endpoint"]
    assert said["endpoint"]["address"] == made["provider"]["address"]
    assert said["hashes"]["request_sent"] == made["hashes"]["request_sent"]
    assert said["hashes"]["response_received"] == made["hashes"]["response_received"]
    assert made["keys"] == [{"role": "worker", "algorithm": "Ed25519", "public_key": WITNESS.key.public.hex()}]
    assert made["versions"] == {"record": 1, "catalogue": "cafe"}


def test_a_record_is_the_same_bytes_whoever_writes_it_canonically(fact: Make) -> None:
    made = served(fact, returned={"inference_geo": "us"})
    again = json.dumps(made, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert canonical(made) == again.encode()


@pytest.mark.parametrize(
    ("returned", "residency", "places", "evidence", "state"),
    [
        ({}, [], [], "asserted", "none"),
        ({"inference_geo": "not_available"}, ["US"], [], "asserted", "allowed"),
        ({"inference_geo": "us"}, ["US"], ["US"], "observed", "allowed"),
        ({"inference_geo": "us"}, [], ["US"], "observed", "none"),
        ({"inference_geo": "us"}, ["CA"], ["US"], "observed", "broken"),
        ({"inference_geo": "global"}, ["US"], ["*"], "observed", "broken"),
    ],
)
def test_evidence_grows_by_what_the_provider_returns(
    fact: Make, returned: dict[str, str], residency: list[str], places: list[str], evidence: str, state: str
) -> None:
    made = served(fact, returned=returned, route=REAL, residency=residency)
    assert (made["processing"]["jurisdictions"], made["processing"]["evidence"]) == (places, evidence)
    assert made["verdict"]["state"] == state
    assert made["hops"][3]["returned"] == returned
    assert made["residency-evidence"] == "asserted"  # what the headers said stays what they said


def test_a_region_header_speaks_of_the_entry_and_one_that_differs_is_told(fact: Make) -> None:
    route = RouteFacts(region="canadaeast", jurisdiction="CA", evidence="asserted", processing_jurisdictions=["CA"])
    entry = served(fact, returned={"x-ms-region": "Canada East"}, route=route)["entry"]
    assert (entry["evidence"], entry["contradicted"]) == ("observed", False)
    made = served(fact, returned={"x-ms-region": "East US 2"}, route=route)
    assert (made["entry"]["region_returned"], made["entry"]["contradicted"]) == ("eastus2", True)
    assert made["processing"]["evidence"] == "asserted"


def test_what_the_sandbox_returns_is_nobodys_word(fact: Make) -> None:
    made = served(fact, returned={"inference_geo": "us", "x-ms-region": "East US"})
    assert made["sandbox"] is True
    assert (made["processing"]["evidence"], made["entry"]["evidence"]) == ("contracted", "contracted")


def test_a_refusal_says_who_refused_under_which_rule_and_what_was_received(fact: Make) -> None:
    made = of(
        [
            fact(
                "refused",
                rule_name="processing_anywhere",
                route_id="r",
                nearest="n",
                residency=["CA"],
                salt=b"\x01" * 32,
                request_hash=b"\x02" * 32,
                received_at_ms=AT - 5,
                hops=[EDGE, ROUTER],
            )
        ]
    )
    assert made["verdict"] == {
        "required": ["CA"],
        "state": "refused",
        "rule": "processing_anywhere",
        "route": "r",
        "nearest": "n",
    }
    assert [(hop["role"], hop["did"]) for hop in made["hops"]] == [("ingress", "received"), ("router", "refused")]
    assert (made["hashes"]["salt"], made["hashes"]["request_received"]) == ("01" * 32, "02" * 32)
    assert made["hashes"]["request_sent"] is None
    assert made["residency"] == ["CA"]


def test_an_answer_that_the_edge_gave_by_itself_is_no_residency_that_was_refused(fact: Make) -> None:
    said = {"code": "answered_here", "rule": "model_not_found", "residency": ["CA"], "rule_name": ""}
    verdict = of([fact("refused", **said)])["verdict"]
    assert (verdict["state"], verdict["required"], verdict["rule"]) == ("none", ["CA"], None)


def test_every_attempt_is_listed_with_what_became_of_it(fact: Make) -> None:
    first, second = fact("egress"), fact("egress", attempt=1)
    made = of([first, second, fact("finished", attempts=2), fact("delivered")])
    assert [(each["attempt"], each["outcome"]) for each in made["tries"]] == [(0, None), (1, "completed")]


def test_what_failed_before_the_last_attempt_is_told_by_the_end_of_that_one(fact: Make) -> None:
    failed = Try(attempt=0, route_id="a", code="upstream_error", provider_status=500, sent=True)
    made = of([fact("egress"), fact("egress", attempt=1), fact("finished", attempts=2, tries=[failed])])
    assert [(each["outcome"], each["status"], each["error_code"]) for each in made["tries"]] == [
        ("failed", 500, "upstream_error"),
        ("completed", 200, None),
    ]
    assert made["attempts"] == 2


def test_a_provider_that_failed_is_among_those_who_had_the_request_and_the_worker_has_signed_it(fact: Make) -> None:
    failed = Try(attempt=0, route_id="r0", code="upstream_error", provider_status=500, total_ms=7, sent=True)
    first, second = fact("egress", host="one.example"), fact("egress", host="two.example", attempt=1)
    end = fact("finished", attempts=2, tries=[failed])
    WITNESS.testify(second.request_id, Intent.of(second.egress, second.egress.route), end.finished)
    made = of([first, second, end])
    assert [(hop["role"], hop["node"]) for hop in made["hops"] if hop["role"] == "provider"] == [
        ("provider", "one.example"),
        ("provider", end.finished.endpoint.host),
    ]
    called = [hop for hop in made["hops"] if hop["role"] == "worker"]
    assert [bool(hop["signature"]) for hop in called] == [False, True]
    told = {"attempt": 0, "route_id": "r0", "error_code": "upstream_error", "status": 500, "sent": True}
    assert verify(called[1])["tries"] == [told]
    silent = Try(attempt=0, route_id="r0", code="timeout", sent=True)
    made = of([first, second, fact("finished", attempts=2, tries=[silent])])
    assert sum(hop["role"] == "provider" for hop in made["hops"]) == 1  # that it had it, nobody knows


def test_an_attempt_that_was_held_back_is_told_as_one_that_was_not_sent(fact: Make) -> None:
    """The account could not carry the dearer candidate: the end is that of the attempt that was sent."""
    held_back = Try(attempt=1, route_id="b", code="insufficient_credits")
    ended = fact("finished", attempts=1, outcome=Outcome.OUTCOME_FAILED, error_code="timeout", tries=[held_back])
    made = of([fact("egress"), fact("egress", attempt=1), ended])
    assert [(each["outcome"], each["error_code"]) for each in made["tries"]] == [
        ("failed", "timeout"),
        ("not_sent", "insufficient_credits"),
    ]
    assert made["attempts"] == 1


def test_facts_from_before_hops_were_stated_still_make_a_record(fact: Make) -> None:
    made = of([fact("egress"), fact("finished"), fact("delivered")])
    assert [hop["role"] for hop in made["hops"]] == ["worker", "provider"]
    assert made["hops"][0]["statement"] is None
    assert made["keys"] == []


def test_a_statement_that_cannot_be_read_is_none(fact: Make) -> None:
    made = of([fact("egress"), fact("finished", statement=b"\xff{", signature=b"s", signer=b"k"), fact("delivered")])
    assert made["hops"][0]["statement"] is None
