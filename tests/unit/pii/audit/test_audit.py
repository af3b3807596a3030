"""What was substituted, as facts and rows: all of it counted, so much of it listed, nothing of the originals."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.base import Stored
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch, Refused
from libs.contracts.northern.v1.query_pb2 import ListTold, PiiAuditAsk
from libs.projection.base import UnreadableError
from libs.store.memory import MemoryStore
from services.pii.audit.desk import AuditDesk
from services.pii.audit.facts import OF_ONE_FACT, facts_of
from services.pii.audit.table import COLUMNS, facts_in, mark, rows
from services.pii.hop.base import Listed, Masked

AT = 1_800_000_000_000
ENVELOPE = Envelope(request_id="0123456789abcdef", tenant="t_one", key_id="k_one")


def masked(entities: int, unlisted: int = 0, substitute: str = "Mona") -> Masked:
    listed = [
        Listed(
            type="PERSON",
            place=f"messages[{n}].content",
            count=1,
            substitute=substitute,
            original_hash=b"h" * 16,
            original_shape="a:1-4",
            recognizer="names",
            score=0.875,
        )
        for n in range(entities)
    ]
    return Masked(policy="p", audit_days=30, counts={"PERSON": entities + unlisted}, listed=listed, unlisted=unlisted)


def message(*facts: Fact, subject: str = "ev.pii.0") -> Stored:
    return Stored(subject, 7, FactBatch(facts=facts).SerializeToString())


@given(st.integers(0, 3 * OF_ONE_FACT))
def test_every_entity_is_in_one_fact_and_the_counts_are_in_the_first(entities: int) -> None:
    facts = list(facts_of(ENVELOPE, masked(entities), AT))
    assert sum(len(fact.pii.entities) for fact in facts) == entities
    assert [dict(fact.pii.counts) for fact in facts] == [{"PERSON": entities}] + [{}] * (len(facts) - 1)
    assert [fact.pii.first for fact in facts] == list(range(0, max(1, entities), OF_ONE_FACT))
    assert max(len(fact.SerializeToString()) for fact in facts) < 512 << 10


def test_rows_number_the_entities_of_a_request_through() -> None:
    placed = facts_in(message(*facts_of(ENVELOPE, masked(OF_ONE_FACT + 2), AT)))
    assert placed is not None
    made = [dict(zip(COLUMNS, row, strict=True)) for one in placed for row in rows(one)]
    assert [row["row"] for row in made] == list(range(OF_ONE_FACT + 2))
    assert {row["score"] for row in made} == {0.875}
    assert {row["expires"] for row in made} == {datetime.fromtimestamp(AT / 1000 + 30 * 86_400, UTC)}
    assert {row["stream_seq"] for row in made} == {7}


def test_a_request_without_any_has_no_row_but_can_mark_how_far_was_read() -> None:
    placed = facts_in(message(*facts_of(ENVELOPE, masked(0), AT)))
    assert placed is not None
    assert not list(rows(placed[0]))
    marked = dict(zip(COLUMNS, mark(placed[0]), strict=True))
    assert (marked["type"], marked["stream_seq"]) == ("", 7)


def test_a_substitute_of_any_length_is_cut() -> None:
    (fact,) = facts_of(ENVELOPE, masked(1, substitute="x" * 100_000), AT)
    assert len(fact.pii.entities[0].substitute) == 256


def test_other_facts_are_not_for_the_audit_and_other_kinds_under_its_subject_are_refused() -> None:
    refused = Fact(request_id="0" * 16, tenant="t", at_ms=1, refused=Refused(code="c"))
    assert facts_in(message(refused, subject="ev.refused.0")) is None
    with pytest.raises(UnreadableError):
        facts_in(message(refused))


@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (PiiAuditAsk(tenant="t", request_id="x"), "request_id"),
        (PiiAuditAsk(tenant="t", type="NOBODY"), "type"),
        (PiiAuditAsk(tenant="t", cursor="!"), "cursor"),
        (PiiAuditAsk(tenant="t", cursor="MDEyMzQ1"), "cursor"),
        (PiiAuditAsk(), ""),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_name(ask: PiiAuditAsk, param: str) -> None:
    told = ListTold.FromString(await AuditDesk(store=MemoryStore()).audit(ask.SerializeToString()))
    assert (told.failure.code, told.failure.param) == ("invalid_request", param)
    assert not told.entries


def test_nothing_in_a_fact_is_more_than_was_listed() -> None:
    (fact,) = facts_of(ENVELOPE, masked(1), AT)
    said = {field.name for field, _ in fact.pii.entities[0].ListFields()}
    assert said == {
        "type",
        "place",
        "count",
        "substitute",
        "original_hash",
        "original_shape",
        "recognizer",
        "score_permille",
    }
    assert orjson.dumps(sorted(said))
