"""A request's body with substitutes in place of personal data, what the audit lists of it, and its way back."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from libs.contracts.errors import InvalidRequest, NorthernError, PiiUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.turns import both_ends
from libs.telemetry.log import logger
from services.pii import domain
from services.pii.account_policies.watched import Chosen, Policies
from services.pii.entities import Entity, EntityType
from services.pii.hop.base import Listed, Masked
from services.pii.hop.finding import Finder, Found, Turn
from services.pii.hop.fixed import check_originals
from services.pii.policies import Images, Scope
from services.pii.replies.answers import Answers
from services.pii.requests.bodies import write
from services.pii.requests.spots import Text
from services.pii.substitutes.substitution import Entry, Substitution

_SLICE: Final = 4_096  # characters substituted in one go
_LARGE: Final = 32 << 10  # bodies beyond it one at a time, so that a flood of them cannot hold up running streams
_LISTED: Final = 2_000  # entities that the audit lists of one request
_JSON: Final = ("json_object", "json_schema")


class Made(NamedTuple):
    """A substitution that was made, and in which text."""

    text: Text
    entry: Entry

    @property
    def original(self) -> str:
        return self.text.text[self.entry.entity.start : self.entry.entity.end]


class _Cut(NamedTuple):
    start: int
    end: int
    entities: Sequence[Entity]
    apart: bool = False


@dataclass(frozen=True, kw_only=True)
class Exchanged:
    """The texts of a request with substitutes in them, and the map that leads back."""

    new: Sequence[str] = field(repr=False)
    made: Sequence[Made] = field(repr=False)
    substitution: Substitution = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Masker:
    """services.pii.hop.base.Masking over the rooms that read, detect, substitute and write."""

    policies: Policies
    finder: Finder
    master: bytes = field(repr=False)
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

    async def find(self, envelope: Envelope, body: dict[str, Any], chosen: Chosen) -> Found:
        """The texts of a body and the entities in each."""
        key = domain.key_of(self.master, envelope.tenant, "texts")
        return await self.finder.find(envelope.dialect, body, chosen, key)

    async def substitute(self, found: Found, tenant: str, scope: str, *, secrets_too: bool = True) -> Exchanged:
        """The texts anew. Not `secrets_too`: those that stand for secrets are never restored."""
        turn = Turn()
        key = domain.key_of(self.master, tenant, "substitutes")
        open_ = Substitution(key, scope)
        closed = open_ if secrets_too else Substitution(key, scope)
        for words in (*(one.text for one in found.texts.texts), *found.texts.kept):
            for start, end, _ in domain.slices(words, (), _SLICE):
                for one in {open_, closed}:
                    one.read(words[start:end])
                await turn.over()
        new: list[str] = []
        made: list[Made] = []
        for text, entities in zip(found.texts.texts, found.entities, strict=True):
            parts = []
            for start, end, inside in domain.slices(text.text, entities, _SLICE) if entities else ():
                for cut in _cuts(start, end, inside, EntityType.SECRET if open_ is not closed else None):
                    substitution = closed if cut.apart else open_
                    before, piece = len(substitution.entries), text.text[cut.start : cut.end]
                    parts.append(substitution.substitute(piece, cut.entities, cut.start))
                    made += [Made(text, entry) for entry in substitution.entries[before:]]
                await turn.over()
            new.append("".join(parts) if entities else text.text)
        check_originals(found.texts, [one.original for one in made])
        return Exchanged(new=new, made=made, substitution=open_)

    async def _masked(self, envelope: Envelope, body: bytes, chosen: Chosen, scope: str) -> Masked:
        value = orjson.loads(body)
        json, policy = wants_json(value), chosen.policy
        found = await self.find(envelope, value, chosen)
        images = envelope.shape.images if policy.images is Images.ALLOW else 0
        done = None
        if found.any:
            done = await self.substitute(found, envelope.tenant, scope, secrets_too=policy.restore_secrets)
        if done is None or not done.made:
            return Masked(policy=policy.id, audit_days=chosen.audit_days, images=images)
        listed, unlisted = listed_of(done.made)
        old = [one.text for one in found.texts.texts]
        grown = sum(len(b.encode()) - len(a.encode()) for a, b in zip(old, done.new, strict=True) if a is not b)
        return Masked(
            policy=policy.id,
            audit_days=chosen.audit_days,
            body=orjson.dumps(write(found.texts, done.new)),
            last_user_turn=last_turn(envelope.shape.last_user_turn, old, done.new),
            text_bytes=max(0, envelope.shape.text_bytes + grown),
            restoration=Answers(dialect=envelope.dialect, restoring=done.substitution, json=json),
            counts=Counter(one.entry.entity.type for one in done.made),
            listed=listed,
            unlisted=unlisted,
            images=images,
        )


def listed_of(made: Sequence[Made]) -> tuple[list[Listed], int]:
    """What the audit lists, and how many occurrences it does not: the same one at the same place stands once."""
    times: Counter[tuple[int, str]] = Counter()
    first: dict[tuple[int, str], Made] = {}
    places: dict[int, str] = {}
    for one in made:
        name = (id(one.text), one.entry.digest)
        if name in first or len(first) < _LISTED:
            if name not in first:
                first[name] = one
                if name[0] not in places:
                    places[name[0]] = one.text.place
            times[name] += 1
    listed = [
        Listed(
            type=str(entry.entity.type),
            place=places[name[0]],
            count=times[name],
            substitute=entry.substitute,
            original_hash=bytes.fromhex(entry.digest),
            original_shape=entry.shape,
            recognizer=entry.entity.recognizer,
            score=entry.entity.score,
        )
        for name, (_, entry) in first.items()
    ]
    return listed, len(made) - times.total()


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


def _cuts(start: int, end: int, entities: Sequence[Entity], apart: EntityType | None) -> Iterator[_Cut]:
    """A slice as it is, or with every entity of one type in a part by itself."""
    inside: list[Entity] = []
    for entity in entities:
        if entity.type is apart:
            yield _Cut(start, entity.start, inside)
            yield _Cut(entity.start, entity.end, [entity], apart=True)
            start, inside = entity.end, []
        else:
            inside.append(entity)
    yield _Cut(start, end, inside)


def last_turn(shown: str, old: Sequence[str], new: Sequence[str]) -> str:
    """The last thing the user says, as it is now; nothing, where it cannot be told which text that was."""
    for before, after in zip(reversed(old), reversed(new), strict=True):
        if shown and both_ends(before) == shown:
            return both_ends(after)
    return ""
