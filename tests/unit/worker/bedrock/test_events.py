"""Anthropic's events in AWS's frames: the first failure is the one that is told, however the bytes come."""

import base64

import pytest

from libs.contracts.errors import UpstreamError
from services.worker.providers.bedrock.events import PassedFrames
from tests.unit.worker.bedrock.test_framing import event


def chunk(payload: bytes) -> bytes:
    return event("chunk", b'{"bytes":"' + base64.b64encode(payload) + b'"}')


PING = chunk(b'{"type":"ping"}')
BAD_EVENT = chunk(b"[]")
BAD_FRAME = b"\0" * 20


@pytest.mark.parametrize("at", [None, len(PING), len(PING + BAD_EVENT)])
def test_a_broken_frame_does_not_hide_the_broken_event_before_it(at: int | None) -> None:
    passed, data = PassedFrames(None), PING + BAD_EVENT + BAD_FRAME
    assert b"".join(passed.feed(piece) for piece in (data[:at], data[at or len(data) :])).startswith(b"event: ping\n")
    assert type(passed.error) is UpstreamError
    assert "event without a type" in passed.error.message
    assert passed.feed(PING) == b""
