"""Substitutes in, originals out: one restorer per lane of an answer, fed in pieces of any size, without IO."""

import json
import re
from collections.abc import Iterator

from services.pii.restoring.folding import WORD, fold, is_word
from services.pii.restoring.index import CUE, CUE_REACH, HEAD, LONG, Index
from services.pii.restoring.rendering import render

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BEGUN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Restorer:
    """Restores one lane; what comes out does not depend on where the lane was cut.

    The longest end of the text that an alias may begin with is held back until the next piece or `flush`; nothing else
    is. `json` says that the lane is JSON: escapes are read, and originals are written escaped for a JSON string.
    """

    __slots__ = ("_before", "_held", "_index", "_inside", "_json")

    def __init__(self, index: Index | None, *, json: bool = False) -> None:
        self._index = index
        self._json = json
        self._held = ""
        self._inside = False  # the last character given out belongs to a word
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
        self._held, self._inside, self._before = "", False, ""
        return out

    def restore(self, text: str) -> str:
        """A whole text at once."""
        return self.feed(text) + self.flush()

    def _remember(self, folded: str, cut: int) -> None:
        if cut:
            self._inside = is_word(folded[cut - 1])
            if self._index is not None and self._index.endings:
                self._before = (self._before + folded[max(0, cut - CUE_REACH) : cut])[-CUE_REACH:]

    def _write(self, text: str, found: list[tuple[int, int, str]], cut: int) -> str:
        if not found:
            return text[:cut]
        out: list[str] = []
        at = 0
        for start, end, original in found:
            out += (text[at:start], _escaped(original) if self._json else original)
            at = end
        out.append(text[at:cut])
        return "".join(out)

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
            if end == size and not final:
                if index.begins_word(folded[start:]):
                    return found, start, folded
                break
            first = word.group()
            lengths = index.lengths(first)
            if lengths is None:
                continue
            if lengths and not final and start + lengths[0] >= size and index.begins(first, folded[start:]):
                return found, start, folded
            done = self._match(index, text, folded, start, end, lengths, found) or done
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
