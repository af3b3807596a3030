"""What a record is committed to under which salt, and how many fit into a batch."""

import hashlib

import orjson

from libs.contracts.northern.v1.custody_pb2 import RecordBatch, SealedRecord
from libs.projection.base import Placed
from libs.tlog.receipt import commitment
from services.custody.sealing.leaves import Batch, sealed
from services.custody.sealing.requests import Complete, Requests
from tests.unit.custody.log.rig import delivered, egress, finished, refused

ONE = "0000000000000001"


def complete(*facts: object, expire: float = 0.0) -> Complete:
    requests = Requests()
    for seq, fact in enumerate(facts, 1):
        requests.take(Placed(seq, 0, fact.WhichOneof("kind"), fact), 0.0)  # type: ignore[attr-defined,arg-type]
    requests.expire(expire)
    (found,) = requests.next()
    return found


def random_bytes(size: int) -> bytes:
    return b"r" * size


def test_a_record_is_canonical_and_committed_to_under_the_requests_own_salt() -> None:
    one = sealed(complete(egress(ONE), finished(ONE), delivered(ONE)), 3000, random_bytes)
    said = orjson.loads(one.record)
    assert orjson.dumps(said, option=orjson.OPT_SORT_KEYS) == one.record
    assert (said["status"], said["request_id"], said["outcome"]) == ("sealed", ONE, "completed")
    assert one.salt == b"s" * 32
    assert commitment(one.salt, one.record) == hashlib.sha256(b"ni-custody/v1\0" + b"s" * 32 + one.record).digest()


def test_a_refused_request_gets_a_salt_of_its_own_and_so_does_one_with_too_short_a_salt() -> None:
    assert sealed(complete(refused(ONE)), 3000, random_bytes).salt == b"r" * 32
    short = complete(egress(ONE, salt=b"short"), finished(ONE), delivered(ONE))
    assert sealed(short, 3000, random_bytes).salt == b"r" * 32


def test_a_request_without_delivery_says_so_whatever_the_clock_says() -> None:
    for now_ms in (0, 2000, 1 << 41):
        one = sealed(complete(egress(ONE), finished(ONE), expire=10.0), now_ms, random_bytes)
        said = orjson.loads(one.record)
        assert (said["status"], said["delivery"]) == ("sealed", {"state": "unknown"})


def test_a_batch_holds_a_thousand_leaves_or_what_one_message_takes() -> None:
    batch = Batch()
    small = SealedRecord(request_id=ONE, tenant="t", salt=b"s" * 32, record=b"x" * 200)
    while batch.add(small):
        pass
    assert len(batch.leaves) == 1000
    assert batch.full
    batch = Batch()
    usual = SealedRecord(request_id=ONE, tenant="t" * 20, salt=b"s" * 32, record=b"x" * 2500)
    while batch.add(usual):
        pass
    assert 250 < len(batch.leaves) < 1000
    assert len(batch.encoded()) < 1 << 20
    assert batch.encoded() == RecordBatch(records=[usual] * len(batch.leaves)).SerializeToString()
    assert [leaf.commitment for leaf in batch.leaves] == [commitment(b"s" * 32, b"x" * 2500)] * len(batch.leaves)


def test_a_record_larger_than_a_message_is_committed_to_by_its_hash() -> None:
    huge = finished(ONE, code="x" * (2 << 20))
    one = sealed(complete(egress(ONE), huge, delivered(ONE)), 3000, random_bytes)
    assert orjson.loads(one.record).keys() == {"request_id", "object", "status", "sha256"}
    assert Batch().add(one)
