"""The rules without the names' model: what they find in a text, as pairs of a type and the words."""

from collections.abc import Callable

import pytest

from services.pii.recognizers.detector import Detector
from services.pii.recognizers.rules import DEFAULT, Rules

Found = list[tuple[str, str]]
Find = Callable[..., Found]


@pytest.fixture(scope="session")
def find() -> Find:
    detector = Detector()

    def found(text: str, rules: Rules = DEFAULT) -> Found:
        return [(one.type.value, text[one.start : one.end]) for one in detector.detect(text, rules)]

    return found
