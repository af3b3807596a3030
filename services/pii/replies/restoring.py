"""What a reply asks of the room that made the substitutes, and values restored whole by it."""

from collections.abc import Sized
from typing import Any, Protocol

import orjson

_LEAST_NUMBER = 1_000_000  # shorter ones are never substituted


class Restorer(Protocol):
    """One lane of text. What it holds back may be the beginning of a substitute."""

    def feed(self, text: str, /) -> str: ...
    def flush(self) -> str: ...
    def restore(self, text: str, /) -> str:
        """A text by itself, whole."""


class Restoring(Protocol):
    """The substitutes of one request."""

    @property
    def entries(self) -> Sized:
        """Empty where nothing was substituted: then every byte of the answer passes as it came."""

    def restorer(self, *, json: bool = False) -> Restorer:
        """`json`: the text is the inside of a JSON document, and so is what it becomes."""


class Whole:
    """Restores what is there as a whole, where it stands. `changed`: anything was, since somebody last put it back."""

    def __init__(self, restoring: Restoring) -> None:
        self.changed = False
        self._plain = restoring.restorer(json=False)
        self._json = restoring.restorer(json=True)

    def put(self, holder: dict[str, Any], name: str, restored: Any) -> None:
        if holder[name] != restored:
            holder[name] = restored
            self.changed = True

    def member(self, holder: dict[str, Any], name: str, *, json: bool = False) -> None:
        """A text. In JSON another value will do too; anything else stays."""
        found = holder.get(name)
        if isinstance(found, str):
            self.put(holder, name, self._document(found) if json else self._plain.restore(found))
        elif json and isinstance(found, list | dict):
            self.value(holder, name)

    def value(self, holder: dict[str, Any], name: str) -> None:
        """A parsed value, its keys and long numbers too: what a stream of its JSON would give."""
        root = [holder[name]]
        left: list[Any] = [root]
        while left:
            found = left.pop()
            if isinstance(found, list):
                found[:] = map(self._leaf, found)
                left += [each for each in found if isinstance(each, list | dict)]
            else:
                restored = {self._leaf(key): self._leaf(each) for key, each in found.items()}
                found.clear()
                found.update(restored)
                left += [each for each in restored.values() if isinstance(each, list | dict)]
        holder[name] = root[0]

    def _leaf(self, value: Any) -> Any:
        restored = value
        if isinstance(value, str):
            restored = self._plain.restore(value)
        elif isinstance(value, int) and not isinstance(value, bool) and value >= _LEAST_NUMBER:
            digits = self._plain.restore(str(value))
            restored = int(digits) if digits.isascii() and digits.isdigit() and digits[0] != "0" else digits
        self.changed = self.changed or restored != value
        return restored

    def _document(self, value: str) -> str:
        """JSON in a string. Where what was a number is none any more, value by value: it becomes a string."""
        restored = self._json.restore(value)
        if restored == value or _read(restored) is not None or (parsed := _read(value)) is None:
            return restored
        again = {"": parsed}
        self.value(again, "")
        try:
            return orjson.dumps(again[""]).decode()
        except TypeError:  # nested deeper than orjson writes
            return value


def _read(text: str) -> Any:
    """None for what is no JSON, and for `null`, which is of no interest."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None
