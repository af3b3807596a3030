"""A request's body with substitutes in place of personal data, what the audit lists of it, and its way back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson

from libs.contracts.errors import InvalidRequest, NorthernError, PiiUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.turns import both_ends
from libs.telemetry.log import logger
from services.pii import domain
from services.pii.account_policies.watched import Chosen, Policies
from services.pii.hop.base import Masked
from services.pii.hop.finding import Finder, Turn
from services.pii.hop.known.base import Asked, Exchanged
from services.pii.hop.known.conversations import Conversations
from services.pii.hop.known.exchanging import exchange
from services.pii.hop.known.listing import listing
from services.pii.hop.known.texts import Conversation
from services.pii.policies import Images, Scope
from services.pii.replies.answers import Answers
from services.pii.requests.bodies import write
from services.pii.substitutes.trace import OutOfStep

_LARGE: Final = 32 << 10  # bodies beyond it one at a time, so that a flood of them cannot hold up running streams
_STRETCHES: Final = 128  # of a conversation, before it is done anew and becomes one
_JSON: Final = ("json_object", "json_schema")


@dataclass(frozen=True, kw_only=True)
class Masker:
    """services.pii.hop.base.Masking over the rooms that read, detect, substitute and write."""

    policies: Policies
    finder: Finder
    master: bytes = field(repr=False)
    conversations: Conversations = field(default_factory=Conversations)
    large: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def mask(self, envelope: Envelope, body: bytes) -> Masked:
        chosen = self.policies.choose(envelope.tenant, envelope.key_id, envelope.pii.policy)
        scope = scope_of(chosen, envelope.pii.conversation_id)
        try:
            if len(body) <= _LARGE:
                return await self._masked(envelope, body, chosen, scope)
            async with self.large:
                return await self._masked(envelope, body, chosen, scope)
        except NorthernError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing leaves, and its text, which may quote, stays inside
            logger().error("substitution_failed", request_id=envelope.request_id, error_type=type(error).__name__)
            raise PiiUnavailable(
                "personal data could not be substituted in this request, so nothing was sent; try again"
            ) from None

    async def asked(
        self, envelope: Envelope, body: dict[str, Any], chosen: Chosen, scope: str, *, remembered: bool = False
    ) -> Asked:
        """The texts of a body and what holds for them. `remembered`: with the next request in mind."""
        text_key, key = _keys(self.master, envelope.tenant)
        turn = Turn()
        return Asked(
            texts=await self.finder.read(envelope.dialect, body, chosen, text_key, turn),
            chosen=chosen,
            text_key=text_key,
            key=key,
            scope=scope,
            turn=turn,
            remembered=remembered,
        )

    async def exchange(self, asked: Asked) -> Exchanged:
        """Its texts anew, with nothing known."""
        done = await exchange(asked, Conversation(), self.finder)
        assert done is not None  # only what is known can be changed
        return done

    async def _masked(self, envelope: Envelope, body: bytes, chosen: Chosen, scope: str) -> Masked:
        value = orjson.loads(body)
        json, policy = wants_json(value), chosen.policy
        asked = await self.asked(envelope, value, chosen, scope, remembered=len(body) >= self.conversations.least)
        done = await (self._remembered(asked) if asked.remembered else self.exchange(asked))
        images = envelope.shape.images if policy.images is Images.ALLOW else 0
        if done.restoring is None:
            return Masked(policy=policy.id, audit_days=chosen.audit_days, images=images)
        texts, old = asked.texts.texts, [one.text for one in asked.texts.texts]
        new = [known.given(text) for text, known in zip(old, done.texts, strict=True)]
        listed, unlisted = listing(texts, done.texts)
        return Masked(
            policy=policy.id,
            audit_days=chosen.audit_days,
            body=orjson.dumps(write(asked.texts, new)),
            last_user_turn=last_turn(envelope.shape.last_user_turn, old, new),
            text_bytes=max(0, envelope.shape.text_bytes + done.grown),
            restoration=Answers(dialect=envelope.dialect, restoring=done.restoring, json=json),
            counts=done.counts,
            listed=listed,
            unlisted=unlisted,
            images=images,
        )

    async def _remembered(self, asked: Asked) -> Exchanged:
        """With what is known of the conversation's first texts."""
        chain = self.conversations.chain(asked.text_key, asked.chosen.fingerprint, asked.scope, asked.texts.texts)
        known, done = self.conversations.find(chain), None
        if known is not None and len(known.stretches) < _STRETCHES:
            try:
                done = await exchange(asked, known, self.finder)
            except OutOfStep:
                logger().error("conversation_out_of_step")
                self.conversations.forget(chain[known.count - 1])
        if done is None:
            done = await self.exchange(asked)
        if done.conversation is not None and done.conversation is not known and done.restoring is not None:
            self.conversations.keep(chain, done.conversation)
        return done


@lru_cache(maxsize=1_024)
def _keys(master: bytes, tenant: str) -> tuple[bytes, bytes]:
    """An account's own, for what is remembered and for substitutes: deriving them takes as long as a short prompt."""
    return domain.key_of(master, tenant, "texts"), domain.key_of(master, tenant, "substitutes")


def scope_of(chosen: Chosen, conversation: str) -> str:
    """What substitutes depend on beside the account. Raises InvalidRequest."""
    if chosen.policy.scope is Scope.ACCOUNT:
        return ""
    if not conversation:
        raise InvalidRequest(
            f"the policy {chosen.policy.id} wants substitutes of one conversation alone: send its `conversation_id`",
            param="conversation_id",
        )
    return conversation


def wants_json(body: Mapping[str, Any]) -> bool:
    """Whether the answer's text will be JSON, into which originals have to be escaped."""
    config = body.get("output_config")
    inner = config.get("format") if isinstance(config, dict) else None
    forms = (body.get("response_format"), body.get("output_format"), inner)
    return any(isinstance(form, dict) and form.get("type") in _JSON for form in forms)


def last_turn(shown: str, old: Sequence[str], new: Sequence[str]) -> str:
    """The last thing the user says, as it is now; nothing, where it cannot be told which text that was."""
    for before, after in zip(reversed(old), reversed(new), strict=True):
        if shown and both_ends(before) == shown:
            return both_ends(after)
    return ""
