"""Gives the gateway's own answer to a client: on record, free, and marked, so that it never passes for a model's."""

import time
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal
from libs.bus.facts import FactPublisher
from libs.contracts.errors import RecordUnavailable
from libs.contracts.northern.v1.facts_pb2 import Delivery, Fact, Refused
from libs.runtime.identity import Identity
from libs.telemetry.log import logger
from services.ingress import headers
from services.ingress.inference.promises import Promises
from services.ingress.inference.relay import Sent
from services.ingress.names.desk import Told
from services.ingress.names.speech import speak

CODE: Final = "answered_here"  # on record: nobody was asked
_MARKS: Final = {"x-ni-answered-by": "gateway", "x-ni-attempts": "0"}


@dataclass(frozen=True, kw_only=True)
class Teller:
    """What it takes."""

    facts: FactPublisher
    identity: Identity
    promises: Promises

    async def tell(
        self, request: BaseRequest, told: Told, who: Principal, request_id: str, sent: Sent
    ) -> web.StreamResponse:
        """The answer, written."""
        assert sent.voice is not None
        body = speak(told.text, sent.voice, request_id, int(time.time()))
        self._on_record(told, who, request_id, sent)
        found = headers.identity(request_id) | self.promises.headers(request_id, sent.request_hash) | _MARKS
        response = web.Response(status=200, body=body, headers=found)
        response.content_type = "text/event-stream" if sent.voice.stream else "application/json"
        if sent.voice.stream:
            response.charset = "utf-8"
            response.headers["Cache-Control"] = "no-cache"
        sent.status = 200
        await response.prepare(request)
        await response.write_eof()
        sent.wrote(body)
        sent.delivery = Delivery.DELIVERY_COMPLETE
        return response

    def _on_record(self, told: Told, who: Principal, request_id: str, sent: Sent) -> None:
        """The fact of a request that stayed here: of its kind `Refused`, because no provider was asked."""
        hop = self.identity.hop()
        refused = Refused(
            code=CODE,
            rule=told.why,
            model_requested=sent.model,
            key_id=who.key_id,
            residency=who.residency,
            salt=sent.salt,
            request_hash=sent.request_hash,
            received_at_ms=hop.at_ms - sent.elapsed_ms(),
            hops=(hop,),
        )
        fact = Fact(request_id=request_id, tenant=who.tenant, at_ms=hop.at_ms, refused=refused)
        try:
            self.facts.publish("refused", fact)
        except RecordUnavailable:
            logger().error("answer_lost", request_id=request_id)
