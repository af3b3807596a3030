"""The entities of a request's texts: read, looked through a few milliseconds at a time, remembered by a keyed hash."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from libs.contracts.errors import PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.account_policies.watched import Chosen
from services.pii.entities import Entity
from services.pii.hop.fixed import check_keys, keys_of
from services.pii.hop.spans import Spans
from services.pii.policies import Images, Strict
from services.pii.recognizers.hits import UNSURE
from services.pii.recognizers.rules import Rules
from services.pii.recognizers.slices import Code
from services.pii.recognizers.spreading import names_of, spread
from services.pii.requests.bodies import Reading
from services.pii.requests.spots import Text, Texts

_TURN_S: Final = 0.003  # work without letting others have theirs
_SPREAD: Final = 32_768  # characters looked through for known names in one go
_BESIDE: Final = 128  # of the next ones, for a name that stands across the border


class Detecting(Protocol):
    """Finds entities: what there is so far after each few milliseconds of work, and in the end all, in order."""

    def pieces(self, text: str, rules: Rules) -> Iterator[list[Entity]]: ...


@dataclass(frozen=True, kw_only=True)
class Found:
    """What of a body is personal data: the entities of each of its texts."""

    texts: Texts
    entities: Sequence[Sequence[Entity]]

    @property
    def any(self) -> bool:
        return any(self.entities)

    def placed(self) -> Iterator[tuple[Text, Entity]]:
        for text, entities in zip(self.texts.texts, self.entities, strict=True):
            for entity in entities:
                yield text, entity


@dataclass(kw_only=True)
class Turn:
    """Lets others have their turn when this one has taken long enough."""

    now: Callable[[], float] = time.perf_counter
    began: float = field(default_factory=time.perf_counter)

    async def over(self) -> None:
        if self.now() - self.began > _TURN_S:
            await asyncio.sleep(0)
            self.began = self.now()


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Reads bodies and detects."""

    detector: Detecting
    spans: Spans

    async def find(self, dialect: Dialect, body: dict[str, Any], chosen: Chosen, key: bytes) -> Found:
        """`key` is the account's own, for what is remembered. Raises PiiUnsupportedContent, naming the place."""
        turn = Turn()
        reading = Reading(dialect, body, media=chosen.policy.images is Images.ALLOW)
        while reading.advance():
            await turn.over()
        texts = reading.texts()
        if texts.odd_keys:
            for so_far in self.detector.pieces(keys_of(texts), chosen.rules):
                check_keys(so_far)
                await turn.over()
        entities = [await self._entities(text, chosen, key, turn) for text in texts.texts]
        if len(entities) > 1:
            await _spread(texts.texts, entities, turn)
        found = Found(texts=texts, entities=entities)
        if chosen.policy.strict is Strict.REFUSE:
            refuse_unsure(found, chosen.policy.id)
        return found

    async def _entities(self, text: Text, chosen: Chosen, key: bytes, turn: Turn) -> Sequence[Entity]:
        """What stands alone under a key of the caller's is known by that key: it is read before the text."""
        cue = f"{text.cue}: " if text.cue else ""
        whole = cue + text.text
        name = self.spans.key(key, chosen.fingerprint, whole)
        known = self.spans.get(name)
        if known is None:
            known = ()
            for so_far in self.detector.pieces(whole, chosen.rules):
                known = tuple(so_far)
                await turn.over()
            self.spans.put(name, known)
        return shifted(known, -len(cue)) if cue else known


def shifted(entities: Sequence[Entity], by: int) -> list[Entity]:
    """The entities as they stand in a text that begins elsewhere; what would lie before it is not in it."""
    return [replace(one, start=max(0, one.start + by), end=one.end + by) for one in entities if one.end + by > 0]


def refuse_unsure(found: Found, policy: str) -> None:
    """Raises PiiUnsupportedContent, naming the place, never what stands there."""
    for text, entity in found.placed():
        if entity.score < UNSURE:
            raise PiiUnsupportedContent(
                f"'{text.place}' holds what may or may not be personal data ({entity.type}), and the policy {policy} "
                "refuses what is not certain. Reword it, or use `allow`, `deny` or `strict: mask` in the policy.",
                param=text.place,
            )


async def _spread(texts: Sequence[Text], entities: list[Sequence[Entity]], turn: Turn) -> None:
    """What one text gives away is found in the others too; `entities` is completed in place."""
    names = names_of((one.text, found) for one, found in zip(texts, entities, strict=True) if found)
    if names is None:
        return
    for at, (one, found) in enumerate(zip(texts, list(entities), strict=True)):
        text, more = one.text, list[Entity]()
        code = Code(text)
        for start in range(0, len(text), _SPREAD):
            seen = more[-1].end if more else 0
            new = spread(text, found, names, start, min(len(text), start + _SPREAD + _BESIDE), code)
            more += [each for each in new if each.start >= seen]
            await turn.over()
        if more:
            entities[at] = sorted([*found, *more], key=lambda each: each.start)
