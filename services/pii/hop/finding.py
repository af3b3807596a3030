"""The texts of a request and the entities of each: a few milliseconds at a time, remembered by a keyed hash."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from libs.contracts.errors import PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.account_policies.watched import Chosen
from services.pii.entities import Entity, EntityType
from services.pii.hop.fixed import check_keys, keys_of
from services.pii.hop.spans import Spans
from services.pii.policies import Images
from services.pii.recognizers.hits import UNSURE
from services.pii.recognizers.reading import read
from services.pii.recognizers.rules import Rules
from services.pii.requests.bodies import Reading
from services.pii.requests.spots import Text, Texts

# A name as ids have it: `Jane_Doe`, `jane.doe`.
_JOINT: Final = re.compile("[_.]")
_JOINED: Final = re.compile(r"[^\W\d_]{2,24}(?:[_.][^\W\d_]{2,24}){1,2}")
_SURE: Final = 0.65
_TURN_S: Final = 0.003  # work without letting others have theirs


class Detecting(Protocol):
    """Finds entities: what there is so far after each few milliseconds of work, and in the end all, in order."""

    def pieces(self, text: str, rules: Rules) -> Iterator[list[Entity]]: ...


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

    async def read(self, dialect: Dialect, body: dict[str, Any], chosen: Chosen, key: bytes, turn: Turn) -> Texts:
        """`key` is the account's own, for what is remembered. Raises PiiUnsupportedContent, naming the place."""
        reading = Reading(dialect, body, media=chosen.policy.images is Images.ALLOW)
        while reading.advance():
            await turn.over()
        texts = reading.texts()
        if texts.odd_keys:
            check_keys(await self._seen(keys_of(texts), chosen, key, turn))
        return texts

    async def entities(self, text: Text, chosen: Chosen, key: bytes, turn: Turn) -> Sequence[Entity]:
        """What stands alone is known by the caller's key it stands under, or by what was asked: that is read first."""
        told = text.cue or _asked(text.question)
        cue = f"{told}: " if told else ""
        found = await self._seen(cue + text.text, chosen, key, turn)
        if not found and text.cue and _JOINED.fullmatch(text.text):
            whole = len(cue), len(cue) + len(text.text)
            apart = await self._seen(cue + _JOINT.sub(" ", text.text), chosen, key, turn)
            found = [
                one
                for one in apart
                if one.type is EntityType.PERSON and one.score >= _SURE and (one.start, one.end) == whole
            ]
        return shifted(found, -len(cue)) if cue else found

    async def _seen(self, text: str, chosen: Chosen, key: bytes, turn: Turn) -> Sequence[Entity]:
        name = self.spans.key(key, chosen.fingerprint, text)
        found = self.spans.get(name)
        if found is None:
            found = ()
            for so_far in self.detector.pieces(text, chosen.rules):
                found = tuple(so_far)
                await turn.over()
            self.spans.put(name, found)
        return found


def _asked(question: str) -> str:
    """The question where a word in it says what the answer is."""
    return question if question and read(question).cues.starts else ""


def shifted(entities: Sequence[Entity], by: int) -> list[Entity]:
    """The entities as they stand in a text that begins elsewhere; what would lie before it is not in it."""
    return [replace(one, start=max(0, one.start + by), end=one.end + by) for one in entities if one.end + by > 0]


def refuse_unsure(texts: Sequence[Text], entities: Sequence[Sequence[Entity]], policy: str) -> None:
    """Raises PiiUnsupportedContent, naming the place, never what stands there."""
    for text, found in zip(texts, entities, strict=True):
        for entity in found:
            if entity.score < UNSURE:
                raise PiiUnsupportedContent(
                    f"'{text.place}' holds what may or may not be personal data ({entity.type}), and the policy "
                    f"{policy} refuses what is not certain. Reword it, or use `allow`, `deny` or `strict: mask` in the "
                    "policy.",
                    param=text.place,
                )
