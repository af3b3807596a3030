"""What all substitutes of one request share: keyed draws, what is taken already, and words that stand for words."""

import hashlib
from collections.abc import Callable, Sequence

from services.pii.restoring.aliases import Aliases
from services.pii.restoring.folding import WORD, fold
from services.pii.substitutes.pools import load_pools, sound
from services.pii.substitutes.prompt import Prompt
from services.pii.substitutes.trace import Trace

_TRIES = 16  # what is taken as often as that is taken: long prompts stay linear
_WORD_TRIES = 8
_YEAR_LENGTH = 4
_DIGITS = bytes(ord("0") + byte % 10 for byte in range(256))


class Digests:
    """Keyed hashes of one account and scope."""

    def __init__(self, key: bytes, scope: str) -> None:
        account = hashlib.blake2b(scope.encode("utf-8", "surrogatepass"), key=key, digest_size=32).digest()
        self._mac = hashlib.blake2b(key=account, digest_size=16)

    def digest(self, text: str) -> bytes:
        """Sixteen bytes that only this account's key gives for this text."""
        mac = self._mac.copy()
        mac.update(text.encode("utf-8", "surrogatepass"))
        return mac.digest()

    def audit(self, type_: str, original: str) -> str:
        """What the audit calls an original of this type: 32 hexadecimal digits."""
        return self.digest(f"audit\0{type_}\0{original}").hex()


class Choices(Digests):
    """The draws of one request under its account's key, and what its texts and substitutes have taken."""

    def __init__(self, key: bytes, scope: str, prompt: Prompt, trace: Trace) -> None:
        super().__init__(key, scope)
        self._prompt, self.trace = prompt, trace
        self._claimed: set[str] = set()
        self.aliases = Aliases()

    def number(self, kind: str, text: str, attempt: int = 0) -> int:
        """A keyed number, the same for the same words whatever else the request holds."""
        return int.from_bytes(self.digest(f"{kind}\0{attempt}\0{text}")[:8], "big")

    def noise(self, kind: str, text: str, attempt: int, size: int) -> bytes:
        """Keyed bytes, as many as asked for."""
        seed = self.digest(f"{kind}\0{attempt}\0{text}")
        return seed[:size] if size <= len(seed) else hashlib.shake_256(seed).digest(size)

    def digits(self, kind: str, text: str, attempt: int, size: int) -> str:
        """Keyed decimal digits."""
        return self.noise(kind, text, attempt, size).translate(_DIGITS).decode("ascii")

    def claim(self, word: str) -> None:
        """Let nobody else have this folded word."""
        self._claimed.add(word)

    def word_is_free(self, word: str) -> bool:
        """Whether a folded word stands nowhere in the request and means nobody yet."""
        return word not in self._claimed and word not in self.aliases and not self._prompt.has(word)

    def is_free(self, candidate: str, original: str, *, parts: bool = False) -> bool:
        """Whether a substitute can be told from everything else in the request.

        It is when it holds a word that stands in no text. (That errs to the safe side: its words may stand apart;
        `parts` allows that.)
        """
        folded = fold(candidate)
        found = WORD.findall(folded)
        if not found or candidate == original:
            return False
        if len(found) == 1:
            return found[0] != fold(original) and self.word_is_free(found[0])
        whole = folded[folded.index(found[0]) : folded.rindex(found[-1]) + len(found[-1])]
        joined = "".join(found)
        if whole in self.aliases or joined in self.aliases or folded == fold(original) or self._prompt.has(joined):
            return False
        return parts or not self._prompt.has_all(found)

    def address_is_free(self, candidate: str) -> bool:
        """The same for an address of four numbers, which stand everywhere too."""
        return candidate not in self.aliases and not self._prompt.has_address(candidate)

    def date_is_free(self, candidate: str) -> bool:
        """The same for a date, whose parts stand everywhere: its parts in a row must not."""
        folded = fold(candidate)
        found = WORD.findall(folded)
        if not found or folded in self.aliases or self._prompt.has_date(tuple(found)):
            return False
        return any(len(word) == _YEAR_LENGTH and word.isdecimal() for word in found) or self.is_free(candidate, "")

    def pick(
        self,
        draw: Callable[[int], str],
        original: str,
        fits: Callable[[str], bool] | None = None,
        tries: int = _TRIES,
    ) -> str:
        """The first draw that is free, or two words in one, which is free if nothing of its kind is.

        In a long list of numbers every part of one stands somewhere: then it is enough that the whole does not.
        """
        again = self.trace.number()
        if again is not None:  # what was not taken is drawn as well: draws may claim words
            drawn = [draw(attempt) for attempt in range(min(again + 1, tries))]
            return drawn[-1] if again < tries else self.coined(original)
        slot = self.trace.begin()
        for attempt in range(tries):
            candidate = draw(attempt)
            if fits(candidate) if fits is not None else self.is_free(candidate, original, parts=attempt >= tries // 2):
                self.trace.end(slot, attempt)
                return candidate
        self.trace.end(slot, tries)
        return self.coined(original)

    def is_clear(self, candidate: str, original: str) -> bool:
        """Whether a substitute that stays in any case is free."""
        again = self.trace.number()
        if again is None:
            again = int(self.is_free(candidate, original))
            self.trace.add(again)
        return again == 1

    def coined(self, original: str) -> str:
        """A word nobody has: of two surnames. Not the original's kind, but safe and restorable."""
        word = self.trace.word()
        if word is None:
            word = self.mint(original)
            self.trace.add(word)
        return word

    def mint(self, original: str) -> str:
        """The same, drawn whatever was drawn before."""
        pool = load_pools().words["last consonant"]
        attempt = 0
        while True:
            first, second = (self.number(f"coined {half}", original, attempt) % len(pool) for half in (1, 2))
            candidate = pool[first] + pool[second].lower()
            if self.word_is_free(candidate.lower()):
                return candidate
            attempt += 1


class Words:
    """Words of one kind and their substitutes: a word is always the same word, in the case it is written in."""

    def __init__(self, choices: Choices, kind: str, pool: Callable[[str, int], Sequence[str]]) -> None:
        self._choices = choices
        self._kind = kind
        self._pool = pool
        self._known: dict[str, str] = {}
        self._restored: dict[str, str] = {}
        self._bases: dict[str, str] = {}

    def knows(self, folded: str) -> bool:
        """Whether this folded word has a substitute already."""
        return folded in self._bases

    def substitute(self, original: str, *, alias: bool = True) -> str:
        """The word that stands for this one. Two spellings that would come back as one get a word each."""
        known = self._restored.get(original)
        if known is not None:
            return known
        folded = fold(original)
        base = self._known.get(original)
        if base is None:
            base = self._known[original] = self._choose(original, folded)
        known = in_case_of(original, base)
        if alias:
            self._choices.aliases.add_word(base.lower(), known, original)
            self._restored[original] = known
        return known

    def _choose(self, original: str, folded: str) -> str:
        base = self._bases.get(folded)
        if base is None:
            base = self._bases[folded] = self._draw(folded, folded)
            return base
        if self._choices.aliases.spelled(base.lower(), in_case_of(original, base)) in {None, original}:
            return base
        return self._draw(folded, original)

    def _draw(self, folded: str, text: str) -> str:
        trace = self._choices.trace
        word = trace.word()
        if word is None:
            word = self._drawn(folded, text)
            trace.add(word)
        self._choices.claim(word.lower())
        return word

    def _drawn(self, folded: str, text: str) -> str:
        for attempt in range(_WORD_TRIES):
            pool = self._pool(folded, attempt)
            word = pool[self._choices.number(self._kind, text, attempt) % len(pool)]
            lower = word.lower()
            if not folded.startswith(lower) and not lower.startswith(folded) and self._choices.word_is_free(lower):
                return word
        return self._choices.mint(text)


def in_case_of(original: str, word: str) -> str:
    """A pool's word (`Brandvold`) in the case of the original."""
    if original.islower():
        return word.lower()
    if original.isupper() and len(original) > 1:
        return word.upper()
    return word


def of_sound(pool: str, folded: str) -> Sequence[str]:
    """The part of a pool that begins as the word does."""
    return load_pools().words[f"{pool} {sound(folded)}"]
