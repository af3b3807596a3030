"""Substitutes in, originals out: one restorer per lane of an answer, fed in pieces of any size, without IO."""

import json
import re
from collections.abc import Iterator

from services.pii.restoring.folding import WORD, fold, is_word
from services.pii.restoring.index import CUE, CUE_REACH, HEAD, LONG, Index
from services.pii.restoring.rendering import render

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BEGUN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NUMBERED, _BEGUN_NUMBER, _NUMBERED_LENGTH = re.compile("u[0-9a-f]{4}"), re.compile("u[0-9a-f]{0,3}"), 5
_LETTERS = frozenset("nrt")
_QUOTE = re.compile(r"\\.", re.DOTALL)  # what an escape in a string may hide
_NUMBER = re.compile("0|[1-9][0-9]*")
_BEFORE_VALUES = frozenset((":", "[", ","))
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Restorer:
    """Restores one lane; what comes out does not depend on where the lane was cut.

    The longest end of the text that an alias may begin with is held back until the next piece or `flush`; nothing else
    is. `json` says that the lane is JSON: escapes are read, and originals are written escaped for a JSON string; for a
    number that is none in JSON (`046454286`), a string.
    """

    __slots__ = ("_before", "_held", "_index", "_inside", "_json", "_quoted", "_sign", "_slash")

    def __init__(self, index: Index | None, *, json: bool = False) -> None:
        self._index = index
        self._json = json
        self._held = ""
        self._inside = False  # the last character given out belongs to a word
        self._slash = False  # the last character given out begins an escape
        self._quoted, self._sign = False, ""  # of JSON: whether a string is open, and the last character but blanks
        self._before = ""  # the last folded characters given out: cues stand there

    @property
    def held(self) -> int:
        """How many characters are held back."""
        return len(self._held)

    def feed(self, piece: str) -> str:
        """What can be given out now."""
        if self._index is None:
            return piece
        text = self._held + piece if self._held else piece
        if self._json and "\\" in text:
            return self._feed_escaped(self._index, text, final=False)
        found, cut, folded = self._scan(self._index, text, final=False)
        self._held = text[cut:]
        self._remember(folded, cut)
        return self._write(text, found, cut)

    def flush(self) -> str:
        """The rest; the restorer is as new afterwards."""
        if self._index is None:
            return ""
        text = self._held
        if self._json and "\\" in text:
            out = self._feed_escaped(self._index, text, final=True)
        else:
            found, cut, _ = self._scan(self._index, text, final=True)
            out = self._write(text, found, cut)
        self._held, self._inside, self._slash, self._before = "", False, False, ""
        self._quoted, self._sign = False, ""
        return out

    def restore(self, text: str) -> str:
        """A whole text at once."""
        return self.feed(text) + self.flush()

    def _remember(self, folded: str, cut: int) -> None:
        if cut:
            self._inside = is_word(folded[cut - 1])
            self._slash = folded[cut - 1] == "\\"
            if self._index is not None and self._index.endings:
                self._before = (self._before + folded[max(0, cut - CUE_REACH) : cut])[-CUE_REACH:]

    def _write(self, text: str, found: list[tuple[int, int, str]], cut: int) -> str:
        out: list[str] = []
        at = 0
        for start, end, original in found:
            out += (text[at:start], original)
            if self._json:
                self._pass(text[at:start])
                out[-1] = self._in_json(text[start:end], original)
                self._pass(text[start:end])
            at = end
        out.append(text[at:cut])
        if self._json:
            self._pass(out[-1])
        return "".join(out)

    def _pass(self, piece: str) -> None:
        """Keeps count of where in the JSON this is."""
        quotes = piece.count('"') if "\\" not in piece else _QUOTE.sub("", piece).count('"')
        self._quoted ^= quotes % 2 == 1
        self._sign = piece.rstrip()[-1:] or self._sign

    def _in_json(self, seen: str, original: str) -> str:
        """As it stands in a string, or by itself where a number stood."""
        escaped = _escaped(original)
        alone = not self._quoted and self._sign in _BEFORE_VALUES and seen.isdecimal()
        return f'"{escaped}"' if alone and not _NUMBER.fullmatch(original) else escaped

    def _scan(self, index: Index, text: str, *, final: bool) -> tuple[list[tuple[int, int, str]], int, str]:
        """What is found, how far the text is decided, and the text folded."""
        folded = fold(text)
        size = len(folded)
        found: list[tuple[int, int, str]] = []
        done = 0
        if self._inside and (inner := WORD.match(folded)):
            done = inner.end()
        for word in WORD.finditer(folded, done):
            start, end = word.span()
            if start < done:
                continue  # inside what was just found
            last = end == size and not final
            slash = folded[start - 1] == "\\" if start else self._slash
            for at in _begins(folded, start, end, last=last) if slash else (start,):
                if last:
                    if index.begins_word(folded[at:]):
                        return found, start, folded
                    continue
                first = folded[at:end]
                lengths = index.lengths(first)
                if lengths is None:
                    continue
                if lengths and not final and at + lengths[0] >= size and index.begins(first, folded[at:]):
                    return found, start, folded
                if stop := self._match(index, text, folded, at, end, lengths, found):
                    done = stop
                    break
        return found, size, folded

    def _match(
        self,
        index: Index,
        text: str,
        folded: str,
        start: int,
        end: int,
        lengths: tuple[int, ...],
        found: list[tuple[int, int, str]],
    ) -> int:
        """The end of the longest alias at `start`, noted in `found`; 0 without one."""
        size = len(folded)
        for length in lengths:
            stop = start + length
            if stop > size or (stop < size and is_word(folded[stop])):
                continue
            if length > LONG and folded[start : start + HEAD] not in index.heads:
                continue
            spellings = index.spellings.get(folded[start:stop])
            if spellings is not None:
                found.append((start, stop, render(text[start:stop], spellings)))
                return stop
        ending = index.endings.get(folded[start:end])
        if ending is not None and CUE.search((self._before + folded[max(0, start - CUE_REACH) : start])[-CUE_REACH:]):
            found.append((start, end, ending))
            return end
        return 0

    def _feed_escaped(self, index: Index, raw: str, *, final: bool) -> str:
        """The same over JSON with escapes: what they stand for is matched, what is copied is as it came."""
        begun = None if final else _BEGUN_ESCAPE.search(raw)
        if begun is not None and _escapes_itself(raw, begun.start()):
            begun = None
        units = list(_units(raw if begun is None else raw[: begun.start()]))
        text = "".join(character for character, _ in units)
        found, cut, folded = self._scan(index, text, final=final)
        at = [0, *(end for _, end in units)]
        self._held = raw[at[cut] :]
        self._remember(folded, cut)
        return self._write(raw, [(at[start], at[end], original) for start, end, original in found], at[cut])


def _begins(folded: str, start: int, end: int, *, last: bool) -> tuple[int, ...]:
    r"""Where a word behind a backslash begins: there, or behind the escape (`\n`, `\u003c`) that is its beginning.

    `last`: more of it may follow, and of the escape too.
    """
    if folded[start] in _LETTERS:
        return start, start + 1
    if _NUMBERED.match(folded, start, end):
        return start, start + _NUMBERED_LENGTH
    return (start, end) if last and _BEGUN_NUMBER.fullmatch(folded, start, end) else (start,)


def _escapes_itself(raw: str, at: int) -> bool:
    """Whether the backslash at `at` is the second half of an escaped backslash."""
    before = at
    while before and raw[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1


def _units(raw: str) -> Iterator[tuple[str, int]]:
    """Each character that the JSON stands for, and where in `raw` it ends."""
    at = 0
    for escape in _ESCAPE.finditer(raw):
        for plain in range(at, escape.start()):
            yield raw[plain], plain + 1
        at = escape.end()
        point, letter = escape.groups()
        yield (chr(int(point, 16)) if point else _ESCAPED.get(letter, letter)), at
    for plain in range(at, len(raw)):
        yield raw[plain], plain + 1


def _escaped(original: str) -> str:
    """The original as it stands inside a JSON string."""
    lone = any("\ud800" <= character <= "\udfff" for character in original)
    return json.dumps(original, ensure_ascii=lone)[1:-1]
