"""A policy as the detector uses it: types, lists and customers' patterns compiled once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import re2  # type: ignore[import-untyped]
from ahocorasick_rs import AhoCorasick, MatchKind

from libs.contracts.errors import InvalidRequest
from services.pii.entities import EntityType
from services.pii.policies import Policy, Strict
from services.pii.recognizers.hits import UNSURE, Hit
from services.pii.recognizers.reading import Reading, fold, joined, lower

_LEAST_STRICT = 0.3
_PATTERN_MEMORY = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """A list of words and phrases, found whole, whatever their case and accents."""

    automaton: AhoCorasick

    def places(self, reading: Reading) -> list[tuple[int, int]]:
        view = reading.view
        return [
            (start, end)
            for _, start, end in self.automaton.find_matches_as_indexes(reading.low)
            if not (start and joined(view[start]) and joined(view[start - 1]))
            and not (end < len(view) and joined(view[end - 1]) and joined(view[end]))
        ]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What to look for. Entities below `least` are not given; under a strict policy those above it may be unsure."""

    types: frozenset[EntityType] = frozenset(EntityType)
    least: float = UNSURE
    strict: Strict = Strict.OFF
    allow: Phrases | None = None
    deny: Phrases | None = None
    patterns: tuple[tuple[str, Any], ...] = ()

    def own(self, reading: Reading) -> list[Hit]:
        """What the account's own lists and patterns name, in places of the view."""
        hits = []
        if self.deny:
            hits = [
                Hit(start, end, EntityType.CUSTOM, 1.0, "deny_list", "") for start, end in self.deny.places(reading)
            ]
        for name, pattern in self.patterns:
            hits += [
                Hit(found.start(), found.end(), EntityType.CUSTOM, 0.999, "pattern", name)
                for found in pattern.finditer(reading.plain)
                if found.end() > found.start()
            ]
        return hits

    def allowed(self, reading: Reading, hits: Iterable[Hit]) -> list[Hit]:
        """Without those that lie inside an allowed phrase, and those of types that are off."""
        kept = [hit for hit in hits if hit.type in self.types and hit.score >= self.least]
        if self.allow is None or not kept:
            return kept
        places = self.allow.places(reading)
        return [
            hit
            for hit in kept
            if hit.type is EntityType.CUSTOM or not any(start <= hit.start and hit.end <= end for start, end in places)
        ]


DEFAULT = Rules()


def compile_rules(policy: Policy) -> Rules:
    """Raises InvalidRequest where a pattern is not one of RE2's, or matches nothing at all."""
    types = frozenset(kind for kind in EntityType if policy.types.get(kind, True))
    if policy == Policy():
        return DEFAULT
    return Rules(
        types=types,
        least=UNSURE if policy.strict is Strict.OFF else _LEAST_STRICT,
        strict=policy.strict,
        allow=_phrases(policy.allow),
        deny=_phrases(policy.deny),
        patterns=tuple(
            (pattern.name, _pattern(pattern.regex, f"patterns.{index}.regex"))
            for index, pattern in enumerate(policy.patterns)
        ),
    )


def _phrases(phrases: Iterable[str]) -> Phrases | None:
    folded = sorted({lower(fold(phrase)).strip() for phrase in phrases} - {""})
    return Phrases(automaton=AhoCorasick(folded, matchkind=MatchKind.LeftmostLongest)) if folded else None


def _pattern(regex: str, param: str) -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options=options)
        empty = compiled.search("") is not None
    except re2.error:
        raise InvalidRequest(
            f"`{param}` is not a pattern RE2 can run; leave out look-around and back-references", param=param
        ) from None
    if empty:
        raise InvalidRequest(f"`{param}` matches the empty text; let it name at least one character", param=param)
    return compiled
