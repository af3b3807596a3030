"""Anthropic's Messages format as the three ways to a Claude share it: bodies that go out, answers that come back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from libs.catalog.model import Route
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.dialects.anthropic_messages import answer, decoder, outgoing, passthrough
from services.worker import callers, domain
from services.worker.providers.base import Decoder
from services.worker.providers.passed import Passed
from services.worker.providers.told import Told
from services.worker.providers.translated import JsonEvents, Translated, Unframer

NEWEST = "2026-10-21"  # without sampling parameters, and on the clouds only for models that have none


class Outgoing(NamedTuple):
    """What leaves, the caller's members that it drops, and how the caller is told of an answer that a tool takes."""

    payload: bytes
    dropped: tuple[str, ...] = ()
    told: Told | None = None


def body_of(envelope: Envelope, body: bytes, route: Route, front: dict[str, Any], *, cloud: bool = False) -> Outgoing:
    """`front` stands before the members of the request.

    A caller of this dialect gets his own value sent, but for what every `cloud` refuses.
    """
    if callers.is_anthropic(envelope):
        return Outgoing(passthrough.outgoing(body, front, cloud=cloud))
    asked = callers.read(envelope, body)
    written = outgoing.write_request(asked, domain.flags_of(route))
    told = Told(asked, {}, envelope.request_id, written.answer_tool) if written.answer_tool else None
    return Outgoing(written.serialised(front), written.dropped, told)


def decoder_of(
    envelope: Envelope, route: Route, told: Told | None, unframer: Callable[[], Unframer] = JsonEvents
) -> Decoder:
    """For server-sent events; `unframer` where a translated answer comes framed otherwise."""
    if callers.is_anthropic(envelope):
        model = callers.renamed(envelope, route)
        stream = passthrough.AnthropicStream(None if model is None else model.encode())
        return Passed(stream, last=stream.finish, read_answer=passthrough.read_answer, model=model)
    return Translated(
        callers.Reply(envelope, route),
        unframer=unframer,
        events=decoder.StreamDecoder,
        read_answer=answer.read_answer,
        told=told,
    )


def cloud_version(envelope: Envelope, route: Route, older: str) -> str:
    """`anthropic_version` of a body on a cloud: the newest only where it was asked for and the model is new enough."""
    new = callers.is_anthropic(envelope) and envelope.anthropic_version == NEWEST
    return NEWEST if new and domain.flags_of(route).sampling == "none" else older
