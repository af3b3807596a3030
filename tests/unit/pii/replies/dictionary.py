"""Substitutes as a plain dictionary: the simplest room that a reply can be restored by."""

from collections.abc import Mapping

import orjson


class DictionaryRestorer:
    """Leftmost, longest first; holds back the longest tail that may become one of them."""

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = sorted(originals.items(), key=lambda pair: -len(pair[0]))
        self._held = ""

    def feed(self, text: str, /) -> str:
        return self._take(self._held + text, last=False)

    def flush(self) -> str:
        return self._take(self._held, last=True)

    def restore(self, text: str, /) -> str:
        return DictionaryRestorer(dict(self._originals)).feed_whole(text)

    def feed_whole(self, text: str) -> str:
        return self._take(text, last=True)

    def _take(self, text: str, *, last: bool) -> str:
        out, at = "", 0
        while at < len(text):
            if not last and any(new.startswith(text[at:]) and len(new) > len(text) - at for new, _ in self._originals):
                break
            found = next((pair for pair in self._originals if text.startswith(pair[0], at)), None)
            out += found[1] if found else text[at]
            at += len(found[0]) if found else 1
        self._held = text[at:]
        return out


class Dictionary:
    """`originals` by substitute."""

    def __init__(self, originals: Mapping[str, str]) -> None:
        self.entries = tuple(originals)
        self._plain = dict(originals)
        self._escaped = {new: orjson.dumps(old).decode()[1:-1] for new, old in originals.items()}
        self.made = 0

    def restorer(self, *, json: bool = False) -> DictionaryRestorer:
        self.made += 1
        return DictionaryRestorer(self._escaped if json else self._plain)
