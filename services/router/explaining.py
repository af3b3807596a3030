"""What `auto` would choose, asked without a request being sent: the answer to `ni.query.router.explain`."""

from dataclasses import dataclass

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import RouteAsk, RouteTold
from services.router.auto import AUTO
from services.router.handlers import Handlers


@dataclass(frozen=True, kw_only=True)
class Explaining:
    """Goes the way of a request as far as the slip: the same filters, the same chooser, and nobody is called."""

    handlers: Handlers

    async def explain(self, question: bytes) -> bytes:
        """RouteAsk in, RouteTold out; whatever refuses a request refuses this."""
        try:
            envelope = RouteAsk.FromString(question).envelope
        except DecodeError:
            return _refused(InvalidRequest("the question cannot be read"))
        try:
            if envelope.shape.model != AUTO:
                raise InvalidRequest(f"only `{AUTO}` has a choice to explain; set `model` to it", param="model")
            told = self.handlers.explain(envelope)
        except NorthernError as error:
            return _refused(error)
        return RouteTold(json=orjson.dumps(told)).SerializeToString()


def _refused(error: NorthernError) -> bytes:
    return RouteTold(failure=to_query_failure(error)).SerializeToString()
