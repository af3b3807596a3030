"""A worker that answers well, and whether what was delivered is what the client has."""

import hmac

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Operation
from libs.contracts.northern.v1.facts_pb2 import Delivered
from tests.integration.ingress.edge import DONE, END, Reply, head

ANSWER = b'{"id":"chatcmpl-1","choices":[]}'
MESSAGE = b'{"id":"msg_1","type":"message","content":[]}'
START = b'event: message_start\ndata: {"type":"message_start"}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
COUNTED = b'{"input_tokens":12}'
EVENTS = [b'data: {"n":%d}\n\n' % n for n in range(5)]


async def answer(envelope: Envelope, out: Outflow) -> None:
    """A worker that answers well, streamed where asked."""
    if not envelope.shape.stream:
        await out.send(head=head(stream=False), data=ANSWER, output_bytes=7, end=END)
        return
    await out.send(head=head(stream=True))
    for n, data in enumerate(EVENTS):
        await out.send(data=data, output_bytes=n + 1)
    await out.send(data=DONE, output_bytes=5, end=END)


async def speak_anthropic(envelope: Envelope, out: Outflow) -> None:
    """A worker that speaks the caller's dialect."""
    if envelope.operation == Operation.OPERATION_COUNT_TOKENS:
        await out.send(head=head(stream=False), data=COUNTED, end=END)
    elif envelope.shape.stream:
        await out.send(head=head(stream=True), data=START)
        await out.send(data=DELTA, output_bytes=3)
        await out.send(data=STOP, output_bytes=3, end=END)
    else:
        await out.send(head=head(stream=False), data=MESSAGE, output_bytes=7, end=END)


def matches(delivered: Delivered, reply: Reply, envelope: Envelope) -> bool:
    """Whether the fact says of size and content what the client has."""
    digest = hmac.digest(envelope.salt, reply.body, "sha256")
    return delivered.size == len(reply.body) and delivered.hash == digest
