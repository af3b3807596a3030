"""Receipts: read back, believed, compared with the caller's files; everything else is refused, and by its name."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.policy import Policy
from libs.tlog.proof import Proof
from libs.tlog.receipt import Receipt, commitment, extra
from libs.tlog.refusals import Reason, Refused
from tests.unit.tlog.sealed import LATE, MINE, REQUEST, RESPONSE, SIZE, SealedLog
from tests.unit.tlog.tampering import flipped

SEALED = SealedLog.of()
POLICY = Policy.read(SEALED.policy)
RAW = SEALED.receipt(MINE)


def refused(reason: Reason) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda error: error.reason is reason)


@pytest.mark.parametrize("index", [0, MINE, 255, 256, LATE, SIZE - 1])
def test_a_receipt_is_believed_and_says_where_its_record_is(index: int) -> None:
    receipt = Receipt.read(SEALED.receipt(index))
    believed = receipt.verify(POLICY)
    assert (believed.origin, believed.index, believed.size) == (SEALED.log.key.name, index, SIZE)
    assert believed.root == SEALED.log.head().root
    assert believed.witnesses == {"w0": 1_700_000_000, "w1": 1_700_000_000}
    receipt.is_of(f"{index:016x}")
    receipt.has_request(REQUEST)
    receipt.has_response(RESPONSE)


def test_a_file_of_another_length_is_told_by_its_length() -> None:
    receipt = Receipt.read(RAW)
    with pytest.raises(Refused, match=f"it had {len(RESPONSE)} bytes, the file has {len(RESPONSE) - 1}"):
        receipt.has_response(RESPONSE[:-1])


def test_a_file_whose_line_ends_were_changed_is_told_so_and_what_to_do() -> None:
    with pytest.raises(Refused, match="fetch it again") as told:
        Receipt.read(RAW.replace(b"\n", b"\r\n"))
    assert told.value.reason is Reason.MALFORMED_PROOF


@given(st.integers(0, len(RAW) - 1), st.integers(0, 7))
def test_any_bit_flipped_is_refused(at: int, bit: int) -> None:
    with pytest.raises(Refused):
        Receipt.read(flipped(RAW, at, bit)).verify(POLICY)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_receipt_or_refused(raw: bytes) -> None:
    for candidate in (raw, RAW[: len(raw)] + raw, RAW + raw):
        with suppress(Refused):
            Receipt.read(candidate).verify(POLICY)


def carrying(what: bytes) -> bytes:
    return Proof(index=0, path=[], checkpoint="", extra=what).text.encode()


@pytest.mark.parametrize(
    "record",
    [
        b"[]",
        b"1",
        b"",
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.5}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        '{"é":1}'.encode(),
        b'{"a":"\\u0061"}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_record_that_two_readers_could_read_differently_is_refused(record: bytes) -> None:
    with refused(Reason.MALFORMED_RECEIPT):
        Receipt.read(carrying(extra(bytes(32), record)))


@pytest.mark.parametrize(
    "what",
    [
        b"",
        b"{}",
        b"null",
        b'{"record":"{}","salt":"00","v":1}',
        b'{"record":"{}","salt":"' + b"00" * 32 + b'","v":2}',
        b'{"record":"{}","salt":"' + b"00" * 32 + b'","v":true}',
        b'{"record":{},"salt":"' + b"00" * 32 + b'","v":1}',
        b'{"more":1,"record":"{}","salt":"' + b"00" * 32 + b'","v":1}',
        b'{"record":"{}","salt":"' + b"AA" * 32 + b'","v":1}',
    ],
)
def test_a_proof_that_carries_something_else_is_no_receipt(what: bytes) -> None:
    with refused(Reason.MALFORMED_RECEIPT):
        Receipt.read(carrying(what))


def test_salt_and_record_are_read_back() -> None:
    receipt = Receipt.read(carrying(extra(bytes(range(32)), b'{"a":"\xc3\xa9"}')))
    assert (receipt.salt, receipt.text, receipt.record) == (bytes(range(32)), b'{"a":"\xc3\xa9"}', {"a": "é"})
    assert receipt.request_id == ""
    with refused(Reason.NOT_STATED):
        receipt.has_request(b"")


def test_the_commitment_is_what_the_contract_says() -> None:
    assert commitment(bytes(32), b"{}").hex() == (
        # printf 'ni-custody/v1\0' | cat - <(head -c32 /dev/zero) <(printf '{}') | sha256sum
        "7215a0fd3ece8c604aac1072cb3a8f1deff42f350c33f0f0c8951c2ba3ac7e84"
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inside: (
            st.lists(inside, max_size=4) | st.dictionaries(st.text("abc_-0", max_size=4), inside, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_whatever_is_written_canonically_is_read(value: object) -> None:
    with suppress(TypeError):  # lone surrogates are no text
        record = orjson.dumps({"a": value}, option=orjson.OPT_SORT_KEYS)
        assert Receipt.read(carrying(extra(bytes(32), record))).record == {"a": value}
