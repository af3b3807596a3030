"""What is encoded already joins its batch without being copied, and nobody can tell."""

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.members import member
from libs.contracts.northern.v1.custody_pb2 import RecordBatch, SealedRecord
from libs.contracts.northern.v1.facts_pb2 import Delivered, Fact, FactBatch


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_members_put_together_are_the_batch_that_protobuf_would_have_written(records: list[bytes]) -> None:
    each = [SealedRecord(request_id="0" * 16, record=record) for record in records]
    joined = b"".join(member(one.SerializeToString()) for one in each)
    assert joined == RecordBatch(records=each).SerializeToString()


def test_the_length_of_a_member_may_take_any_number_of_bytes() -> None:
    for size in (0, 1, 127, 128, (1 << 14) - 1, 1 << 14, 1 << 21):
        fact = Fact(request_id="x" * size)
        assert FactBatch.FromString(member(fact.SerializeToString())).facts == [fact]


def test_an_empty_message_is_a_member_too() -> None:
    empty = member(b"")
    assert FactBatch.FromString(empty + empty).facts == [Fact(), Fact()]
    assert FactBatch.FromString(empty).facts != [Fact(delivered=Delivered())]
