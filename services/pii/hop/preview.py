"""A body as it would leave, answered to who asks: `ni.query.pii.preview`; no model is called, nothing is recorded."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, PiiUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope
from libs.contracts.northern.v1.query_pb2 import PiiTold, PreviewAsk
from libs.telemetry.log import logger
from services.pii.hop.known.listing import Made
from services.pii.hop.masking import Masker, scope_of
from services.pii.requests.bodies import write

_MOST: Final = 1_000  # entities of an answer
_OURS: Final = ("model", "stream", "stream_options", "pii_substitution", "privacy_tier", "residency", "allow_fallbacks")
_FORM: Final = 'send a chat body with `messages`, or {"text": "…"}'


@dataclass(frozen=True, kw_only=True)
class PreviewDesk:
    """Answers with everything the real way would do, up to the point where something would leave."""

    masker: Masker
    mask_s: float

    async def preview(self, data: bytes) -> bytes:
        """PreviewAsk in, PiiTold out."""
        try:
            ask = PreviewAsk.FromString(data)
            async with asyncio.timeout(self.mask_s):
                told = PiiTold(json=orjson.dumps(await self._previewed(ask)))
        except DecodeError:
            told = _failed(InvalidRequest("the question cannot be read"))
        except NorthernError as error:
            told = _failed(error)
        except TimeoutError:
            told = _failed(PiiUnavailable("this took too long; send less at once, or try again"))
        except Exception as error:  # noqa: BLE001 - its text may quote what it was handling
            logger().error("preview_failed", error_type=type(error).__name__)
            told = _failed(PiiUnavailable("personal data could not be substituted in this body"))
        return told.SerializeToString()

    async def _previewed(self, ask: PreviewAsk) -> dict[str, Any]:
        said = _read(ask.body)
        ours = {name: said.pop(name) for name in ("pii_policy", "conversation_id") if name in said}
        for name, value in ours.items():
            if value is not None and not isinstance(value, str):
                raise InvalidRequest(f"`{name}` must be a text", param=name)
        chosen = self.masker.policies.choose(ask.tenant, ask.key_id, ours.get("pii_policy") or "")
        scope = scope_of(chosen, ours.get("conversation_id") or "")
        kept: dict[str, Any] = {name: said.pop(name) for name in _OURS if name in said}
        alone = "text" in said
        body: dict[str, Any] = {"messages": [{"role": "user", "content": said["text"]}]} if alone else said
        dialect = Dialect.DIALECT_OPENAI_CHAT
        if not alone and (ask.anthropic or "system" in body):
            dialect = Dialect.DIALECT_ANTHROPIC_MESSAGES
        asked = await self.masker.asked(Envelope(tenant=ask.tenant, dialect=dialect), body, chosen, scope)
        done = await self.masker.exchange(asked)
        entities = [_shown(one, alone=alone) for one in done.made[:_MOST]]
        new = [known.given(text.text) for text, known in zip(asked.texts.texts, done.texts, strict=True)]
        written = write(asked.texts, new)
        substituted = {"text": written["messages"][0]["content"]} if alone else {**kept, **written}
        return {
            "object": "pii.preview",
            "policy": chosen.policy.id,
            "substituted": substituted,
            "entities": entities,
            "more": len(done.made) > _MOST,
        }


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise InvalidRequest(_FORM)
    if "text" in said:
        if not isinstance(said["text"], str) or "messages" in said:
            raise InvalidRequest(_FORM, param="text")
        return said
    messages = said.get("messages")
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise InvalidRequest(_FORM, param="messages")
    return said


def _shown(made: Made, *, alone: bool) -> dict[str, Any]:
    entity = made.entry.entity
    return {
        "type": str(entity.type),
        "place": "text" if alone else made.text.place,
        "start": entity.start,
        "end": entity.end,
        "substitute": made.entry.substitute,
        "recognizer": entity.recognizer,
        "score": round(entity.score, 3),
    }


def _failed(error: NorthernError) -> PiiTold:
    return PiiTold(failure=to_query_failure(error))
