"""The sheet: RFC 4180 that every reader reads back, and no cell that a spreadsheet would run."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.books import sheets

ROW: dict[str, Any] = dict.fromkeys(sheets.COLUMNS, 0) | {
    "request_id": "0" * 16,
    "created": 1_795_262_250,
    "task": None,
}


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def test_a_line_has_the_headings_columns() -> None:
    ((*names,), (*values,)) = cells(sheets.heading() + sheets.lines([ROW | {"stream": True, "key_id": None}]))
    assert dict(zip(names, values, strict=True)) | {} == {
        **dict.fromkeys(sheets.COLUMNS, "0"),
        "request_id": "0" * 16,
        "created": "2026-11-21T11:57:30Z",
        "task": "",
        "key_id": "",
        "stream": "true",
    }


def test_lines_end_as_the_rfc_says() -> None:
    assert sheets.heading().endswith(b"first_byte_ms\r\n")


@given(model=st.text(max_size=40))
def test_whatever_a_caller_named_a_model_the_sheet_keeps_its_shape(model: str) -> None:
    ((*values,),) = cells(sheets.lines([ROW | {"model": model}]))
    found = dict(zip(sheets.COLUMNS, values, strict=True))["model"]
    assert found.removeprefix("'") in {model, model.removeprefix("'")}
    assert not found.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_a_formula_is_text(evil: str) -> None:
    ((*values,),) = cells(sheets.lines([ROW | {"model": evil}]))
    assert f"'{evil}" in values
