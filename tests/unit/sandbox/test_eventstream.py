"""The event-stream encoder, against botocore's decoder."""

from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.eventstream import frame, headers_of


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5), st.integers(1, 700))
def test_botocore_reads_what_was_written_however_it_is_cut(payloads: list[bytes], step: int) -> None:
    headers = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
    wire = b"".join(frame(headers_of(headers), payload) for payload in payloads)
    buffer = EventStreamBuffer()
    found: list[Any] = []  # botocore's stubs call the headers a number
    for at in range(0, len(wire), step):
        buffer.add_data(wire[at : at + step])
        found += list(buffer)
    assert [(message.headers, message.payload) for message in found] == [(headers, payload) for payload in payloads]


def test_a_changed_byte_is_noticed() -> None:
    wire = bytearray(frame(headers_of({":message-type": "event"}), b'{"a":1}'))
    wire[-6] ^= 1
    buffer = EventStreamBuffer()
    buffer.add_data(bytes(wire))
    with pytest.raises(ChecksumMismatch):
        next(buffer)
