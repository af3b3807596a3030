"""What was drawn for the originals of a request, in order: to know it again without drawing. Of substitutes alone."""

from collections.abc import Sequence


class OutOfStep(Exception):
    """What is drawn now is not what was drawn before."""


class Trace:
    """How often something was drawn until it was free, and words as they were drawn.

    As long as there is something from `before`, that is given; then what is drawn is noted.
    """

    __slots__ = ("_at", "_before", "drawn")

    def __init__(self, before: Sequence[int | str] = ()) -> None:
        self._before, self._at = before, 0
        self.drawn: list[int | str] = []

    def over(self) -> None:
        """Raises OutOfStep where not all of it was needed."""
        if self._at != len(self._before):
            raise OutOfStep

    def number(self) -> int | None:
        """A number from before; None: draw, and note it. Raises OutOfStep."""
        if self._at == len(self._before):
            return None
        found = self._before[self._at]
        if not isinstance(found, int):
            raise OutOfStep
        self._at += 1
        return found

    def word(self) -> str | None:
        """The same of a word."""
        if self._at == len(self._before):
            return None
        found = self._before[self._at]
        if not isinstance(found, str):
            raise OutOfStep
        self._at += 1
        return found

    def add(self, drawn: int | str) -> None:
        self.drawn.append(drawn)

    def begin(self) -> int:
        """The place of a number that is known only after others."""
        self.drawn.append(0)
        return len(self.drawn) - 1

    def end(self, place: int, drawn: int) -> None:
        self.drawn[place] = drawn
