"""The texts of a request with substitutes in them: what is known of the first ones is taken over, the rest is done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.pii.entities import Entity
from services.pii.hop.finding import Finder, refuse_unsure
from services.pii.hop.fixed import check_originals
from services.pii.hop.known.base import Asked, Exchanged
from services.pii.hop.known.cutting import cuts
from services.pii.hop.known.listing import Made, listed_in
from services.pii.hop.known.names import spreading
from services.pii.hop.known.texts import NOTHING, Conversation, First, Kept, KnownText, Name, Stretch, Swap, originals
from services.pii.hop.known.wayback import WayBack, echoes, learnt_way_back, substituted
from services.pii.policies import Strict
from services.pii.requests.spots import Text
from services.pii.substitutes.choosing import Digests
from services.pii.substitutes.prompt import Prompt
from services.pii.substitutes.substitution import Entry, Substitution

_LARGE: Final = 64 << 10  # characters of texts whose words are made out in slices
_SMALL: Final = 1 << 10
_MANY: Final = 12  # originals: for fewer, the words of their substitutes are looked for one by one
_MOST: Final = 2_000  # substitutions in a conversation that is remembered
_AT_ONCE: Final = 64  # originals learnt in one go


@dataclass(frozen=True, kw_only=True, slots=True)
class _Done:
    """The entries of each text that was not known, and what was drawn for them, if anything was."""

    entries: Sequence[Sequence[Entry]] = field(repr=False)
    drawn: "_Drawn | None" = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Drawn:
    """`open`: what comes back. `closed`: what does not; the same where everything does."""

    prompt: Prompt
    open: Substitution
    closed: Substitution
    firsts: Sequence[First]


async def exchange(asked: Asked, known: Conversation, finder: Finder) -> Exchanged | None:
    """None where what is new changes what is known: then everything has to be done anew, with nothing known.

    Raises PiiUnsupportedContent where the policy refuses what is not certain, or what cannot be changed holds what is
    substituted elsewhere; and OutOfStep, where what is known does not hold together.
    """
    fresh = asked.texts.texts[known.count :]
    if known.count and _upset(asked, known, fresh):
        return None
    told = [await finder.entities(one, asked.chosen, asked.text_key, asked.turn) for one in fresh]
    spread = await spreading(asked.texts.texts, known, told, asked.text_key, asked.turn)
    if spread is None:
        return None
    if not known.count and not any(spread.entities):
        return Exchanged(texts=[NOTHING] * len(fresh))
    if asked.chosen.policy.strict is Strict.REFUSE:
        refuse_unsure(fresh, spread.entities, asked.chosen.policy.id)
    done = _looked_up(asked, known, fresh, spread.entities)
    if done is None:
        done = await _drawn(asked, known, fresh, spread.entities)
    new = list[KnownText]()
    for text, own, entities, entries in zip(fresh, told, spread.entities, done.entries, strict=True):
        new.append(_known(text, own, entities, entries) if entities else NOTHING)
        await asked.turn.over()
    made = [Made(text, entry) for text, some in zip(fresh, done.entries, strict=True) for entry in some]
    await asked.turn.over()
    _check_fixed(asked, known, made)
    texts = [*known.texts, *new] if known.count else new
    counts = Counter([one.entry.entity.type.value for one in made])
    grown = sum([_size(one.entry.substitute) - _size(one.original) for one in made])
    await asked.turn.over()
    conversation = None
    if asked.remembered and (done.drawn is None or not done.drawn.prompt.leans) and known.made + len(made) <= _MOST:
        stretch = _stretch(asked, new, spread.names, done.drawn, counts, grown) if fresh else None
        same = done.drawn is None and (known.offers is False or not made)
        conversation = known.and_then(
            stretch, Kept.of(asked.texts.kept, asked.text_key), known.offers if same else None
        )
    return Exchanged(
        texts=texts,
        made=made,
        counts=known.counts + counts if known.count else counts,
        grown=known.grown + grown,
        conversation=conversation,
        restoring=_way_back(asked, known, texts, done.drawn, conversation),
    )


def _check_fixed(asked: Asked, known: Conversation, made: Sequence[Made]) -> None:
    """Raises PiiUnsupportedContent where what cannot be changed holds what was substituted."""
    if asked.texts.sealed or asked.texts.odd_keys:
        old = [one for first, one in originals(asked.texts.texts, known.firsts) if first.changed]
        check_originals(asked.texts, [*old, *(one.original for one in made)])


def _upset(asked: Asked, known: Conversation, fresh: Sequence[Text]) -> bool:
    """Whether something stands in what is new of which the known substitutes are made."""
    kept = known.kept.beyond(asked.texts.kept, asked.text_key)
    if not fresh and not kept:
        return False
    beside = Prompt([one.text for one in fresh], kept)
    return any(beside.upsets(stretch.relied) for stretch in known.stretches)


def _looked_up(
    asked: Asked, known: Conversation, fresh: Sequence[Text], found: Sequence[Sequence[Entity]]
) -> _Done | None:
    """Where every original is known, nothing has to be drawn. None: one is not."""
    if not any(found):
        return _Done(entries=[()] * len(fresh))
    if not known.count:
        return None
    digests, entries = Digests(asked.key, asked.scope), list[list[Entry]]()
    for text, entities in zip(fresh, found, strict=True):
        some = list[Entry]()
        for entity in entities:
            digest = digests.audit(entity.type, text.text[entity.start : entity.end])
            substitute = known.substitute(digest, entity.kind)
            if substitute is None:
                return None
            if substitute[0]:
                some.append(Entry(entity, substitute[0], digest, substitute[1]))
        entries.append(some)
    return _Done(entries=entries)


def _unknown(asked: Asked, known: Conversation, fresh: Sequence[Text], found: Sequence[Sequence[Entity]]) -> int:
    """About how many originals have to be drawn for."""
    if not known.count:
        return sum(map(len, found))
    digests, new = Digests(asked.key, asked.scope), set[str]()
    for text, entities in zip(fresh, found, strict=True):
        for entity in entities:
            digest = digests.audit(entity.type, text.text[entity.start : entity.end])
            if known.substitute(digest, entity.kind) is None:
                new.add(digest)
    return len(new)


async def _drawn(asked: Asked, known: Conversation, fresh: Sequence[Text], found: Sequence[Sequence[Entity]]) -> _Done:
    """Substitutes for all of it, after those that were given out before."""
    texts, turn = asked.texts, asked.turn
    prompt = Prompt([one.text for one in texts.texts], texts.kept)
    size = prompt.size
    if size > _LARGE:
        for _ in prompt.gathering():
            await turn.over()
    elif size < _SMALL or _unknown(asked, known, fresh, found) > _MANY:
        prompt.gather()
    open_ = Substitution(asked.key, asked.scope, prompt, known.drawn())
    closed = Substitution(asked.key, asked.scope, prompt, known.drawn(apart=True)) if asked.apart else open_
    if known.count:
        await _learn(asked, known, open_, closed)
    entries, firsts = list[Sequence[Entry]](), list[First]()
    for at, (text, entities) in enumerate(zip(fresh, found, strict=True), known.count):
        some = list[Entry]()
        for cut in cuts(text.text, entities, apart=asked.apart) if entities else ():
            substitution = closed if cut.apart else open_
            since, new = len(substitution.entries), len(substitution.firsts)
            substitution.substitute(text.text[cut.start : cut.end], cut.entities, cut.start)
            some += substitution.entries[since:]
            firsts += [First(at, one, changed, cut.apart) for one, changed in substitution.firsts[new:]]
            await turn.over()
        entries.append(some)
    return _Done(entries=entries, drawn=_Drawn(prompt=prompt, open=open_, closed=closed, firsts=firsts))


async def _learn(asked: Asked, known: Conversation, open_: Substitution, closed: Substitution) -> None:
    texts = asked.texts.texts
    for number, (first, original) in enumerate(originals(texts, known.firsts)):
        (closed if first.apart else open_).learn(original, first.entity)
        if number % _AT_ONCE == 0:
            await asked.turn.over()
    open_.caught_up()
    closed.caught_up()
    for _, original, given in echoes([one.text for one in texts[: known.count]], known.texts, apart=asked.apart):
        open_.note(original, given)


def _known(text: Text, own: Sequence[Entity], entities: Sequence[Entity], entries: Sequence[Entry]) -> KnownText:
    told = tuple(own)
    return KnownText(
        told=told,
        entities=told if own is entities else tuple(entities),
        swaps=tuple([Swap(one.entity.start, one.entity.end, one.substitute) for one in entries]),
        listed=tuple(listed_in(text, entries)) if entries else (),
    )


def _size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _stretch(
    asked: Asked,
    new: Sequence[KnownText],
    names: Mapping[bytes, Name],
    drawn: _Drawn | None,
    counts: Mapping[str, int],
    grown: int,
) -> Stretch:
    """What is to be known of the texts that were not."""
    if drawn is None:
        return Stretch(texts=tuple(new), names=names, counts=counts, grown=grown)
    return Stretch(
        texts=tuple(new),
        firsts=tuple(drawn.firsts),
        drawn=(tuple(drawn.open.drawn), tuple(drawn.closed.drawn) if asked.apart else ()),
        names=names,
        substitutes=_substitutes(asked, drawn),
        relied=drawn.prompt.relied,
        counts=counts,
        grown=grown,
    )


def _substitutes(asked: Asked, drawn: _Drawn) -> Mapping[tuple[str, str], tuple[str, str]]:
    """Under hashes. What stays as it is has none: it would be an original."""
    both = (drawn.open, drawn.closed) if asked.apart else (drawn.open,)
    new = {(one.digest, one.entity.kind): (one.substitute, one.shape) for each in both for one in each.entries}
    if not all(first.changed for first in drawn.firsts):
        digests = Digests(asked.key, asked.scope)
        for first, original in originals(asked.texts.texts, drawn.firsts):
            if not first.changed:
                new[digests.audit(first.entity.type, original), first.entity.kind] = "", ""
    return new


def _way_back(
    asked: Asked, known: Conversation, now: Sequence[KnownText], drawn: _Drawn | None, conversation: Conversation | None
) -> WayBack | None:
    if not any(one.swaps for one in now):
        return None
    if drawn is None:
        return learnt_way_back(asked, known, now, conversation)
    drawn.prompt.close()  # an answer may take an hour, and needs no texts
    substitution = drawn.open
    return WayBack(lambda: substitution, conversation, substituted([*known.firsts, *drawn.firsts]))
