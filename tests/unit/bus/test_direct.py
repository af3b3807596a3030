"""What comes from the broker's socket, however it was cut: every message once, whole, in order, to whom it is for."""

from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError

from libs.bus.direct import Arrived, DirectClient, _DirectParser

HEADED, OURS, THEIRS = b"NATS/1.0\r\nNats-Msg-Id: 7\r\nKV-Operation: DEL\r\n\r\n", 1, 2

MESSAGES = st.lists(
    st.builds(
        Arrived,
        subject=st.sampled_from(["a", "ni.reply.ingress.0.1"]),
        data=st.binary(max_size=40) | st.sampled_from([b"MSG a 1 3\r\n", b"\r\n", b"HMSG "]),
        reply=st.sampled_from(["", "ni.nak.x"]),
        headers=st.sampled_from([b"", HEADED, b"NATS/1.0 503\r\n\r\n"]),
    ),
    max_size=8,
)


def wire(message: Arrived, sid: int) -> bytes:
    reply, size = f" {message.reply}" if message.reply else "", len(message.data)
    told = message.headers + message.data + b"\r\n"
    if message.headers:
        head = f"HMSG {message.subject} {sid}{reply} {len(message.headers)} {size + len(message.headers)}\r\n"
    else:
        head = f"MSG {message.subject} {sid}{reply} {size}\r\n"
    return head.encode() + told


@given(messages=MESSAGES, others=st.sets(st.integers(0, 7)), cuts=st.lists(st.integers(0, 400), max_size=12))
async def test_every_message_arrives_once_and_whole_wherever_the_stream_was_cut(
    messages: list[Arrived], others: set[int], cuts: list[int]
) -> None:
    got: list[Arrived] = []
    client = DirectClient()
    parser = client._ps = _DirectParser(client)
    client._subs = cast(dict[int, Any], {OURS: object()})  # the other one was unsubscribed a moment ago
    client._takers[OURS] = ("a", got.append)
    client._takers[THEIRS] = ("b", got.append)
    stream = b"".join(
        wire(message, THEIRS if place in others else OURS) + b"+OK\r\n" * (place % 2)
        for place, message in enumerate(messages)
    )
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(places):
        await parser.parse(stream[start:end])
    assert got == [message for place, message in enumerate(messages) if place not in others]
    assert not parser.buf


def test_a_status_is_what_the_broker_says_and_no_message_has_one() -> None:
    ended = Arrived("a", b"", "", b"NATS/1.0 409 Consumer Deleted\r\n\r\n")
    assert (ended.status, ended.header("Description")) == ("409", "Consumer Deleted")
    alone = Arrived("a", b"", "", b"NATS/1.0 503\r\n\r\n")
    assert (alone.status, alone.header("Description")) == ("503", "")
    stored = Arrived("a", b"", "", HEADED)
    assert (stored.status, stored.header("KV-Operation"), stored.header("Description")) == ("", "DEL", "")
    assert Arrived("a", b"", "", b"").header("KV-Operation") == ""


async def test_a_message_that_cannot_be_handled_does_not_end_those_after_it() -> None:
    got: list[bytes] = []

    def take(message: Arrived) -> None:
        if not message.data:
            raise ValueError("hunter2")
        got.append(message.data)

    client = DirectClient()
    client._subs = cast(dict[int, Any], {OURS: object()})
    client._takers[OURS] = ("a", take)
    await _DirectParser(client).parse(b"MSG a 1 0\r\n\r\nMSG a 1 1\r\nx\r\n")
    assert got == [b"x"]


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"MSG a x 3\r\n", b"MSG a\r\n", b"\xff 1\r\n", b"INFO {\r\n"]))
)
async def test_what_is_no_message_ends_the_connection_and_is_never_another_error(pieces: list[bytes]) -> None:
    client = DirectClient()
    parser = client._ps = _DirectParser(client)
    try:
        for piece in pieces:
            await parser.parse(piece)
    except ProtocolError:
        pass


async def test_a_line_that_cannot_be_read_is_a_broken_protocol() -> None:
    parser = _DirectParser(DirectClient())
    with pytest.raises(ProtocolError):
        await parser.parse(b"MSG a x 3\r\nabc\r\n")
