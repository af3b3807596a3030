"""What a request keeps while it is answered: its envelope, and its body no longer than somebody may need it."""

from pathlib import Path

from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker.requests.request import apart


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_body_that_is_let_go_of_leaves_no_memory_behind_in_its_envelope() -> None:
    data = Envelope(request_id="0" * 16, body=bytes(range(256)) * 800).SerializeToString()
    apart(Envelope.FromString(data))
    before = resident()
    kept = [apart(Envelope.FromString(data))[0] for _ in range(200)]
    assert resident() - before < 8 << 20  # of 40 MB
    assert {(each.request_id, each.body) for each in kept} == {("0" * 16, b"")}


def test_a_small_body_stays_where_it_is() -> None:
    envelope = Envelope(request_id="0" * 16, body=b"{}")
    rest, body = apart(envelope)
    assert rest is envelope
    assert (rest.body, body) == (b"{}", b"")
