"""Credit as an admin states it: exact amounts, or a refusal that names the member."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.contracts.money import decimal_text
from services.ingress.api.credit import MOST, Given, read

NANO = 10**9


def body(**members: object) -> bytes:
    return orjson.dumps({"tenant": "t_one", "amount": "25.00", **members})


def test_amounts_are_exact() -> None:
    assert read(body(amount="0.000000001", note="n")) == ("t_one", 1, "n")
    assert read(body(amount="-12.5")) == ("t_one", -12_500_000_000, "")


@given(nano=st.integers(1, MOST * NANO), negative=st.booleans())
def test_every_amount_there_is_reads_back(nano: int, negative: bool) -> None:
    amount = -nano if negative else nano
    assert read(body(amount=decimal_text(amount)))[1] == amount


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"amount": 25}, "amount"),
        ({"amount": 0.1}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-0.00"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "1.0000000001"}, "amount"),
        ({"amount": "100000001"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "٣"}, "amount"),
        ({"amount": " 1"}, "amount"),
        ({"amount": None}, "amount"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "t one"}, "tenant"),
        ({"tenant": 1}, "tenant"),
        ({"note": 5}, "note"),
        ({"note": "a\nb"}, "note"),
        ({"note": "n" * 501}, "note"),
        ({"currency": "CAD"}, "currency"),
    ],
)
def test_what_is_no_credit_is_refused_by_name(members: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(body(**members))
    assert refused.value.param == param


@pytest.mark.parametrize("raw", [b"", b"[]", b'"25"', b"{", b"\xff"])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read(raw)


def test_money_in_is_a_deposit_and_money_back_an_adjustment() -> None:
    common = {"op_id": "o", "tenant": "t_one", "note": "", "by": "u_one"}
    assert Given(amount_nano=5, **common).operation().WhichOneof("op") == "top_up"
    back = Given(amount_nano=-5, **common).operation()
    assert (back.WhichOneof("op"), back.adjust.amount_nano, back.adjust.by) == ("adjust", -5, "u_one")
