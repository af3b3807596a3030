"""No string of a request is overlooked: one planted anywhere is read, refused, or at a place that is known."""

from typing import Any

import orjson
import pytest

from libs.contracts.errors import PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.pii.requests.bodies import read, write
from tests.unit.pii.requests import bodies
from tests.unit.pii.requests.strings import Path, every_string, general, with_string

CASES: dict[str, tuple[Dialect, dict[str, Any], set[str], set[Path]]] = {
    "openai": (Dialect.DIALECT_OPENAI_CHAT, bodies.OPENAI, bodies.OPENAI_SAFE, bodies.OPENAI_SAFE_AT),
    "anthropic": (
        Dialect.DIALECT_ANTHROPIC_MESSAGES,
        bodies.ANTHROPIC,
        bodies.ANTHROPIC_SAFE,
        bodies.ANTHROPIC_SAFE_AT,
    ),
}
WORD = "zzqxv"
SENTENCE = "Mrs zzqxv, of (416) 555-0199"
_NEVER = ("required[]",)  # must stay equal to the keys of the schema
CASE = pytest.mark.parametrize("case", CASES)


def fresh(body: dict[str, Any]) -> dict[str, Any]:
    """As it is parsed: no two members are one object."""
    parsed: dict[str, Any] = orjson.loads(orjson.dumps(body))
    return parsed


def planted(case: str, path: Path, said: str) -> tuple[bool, dict[str, Any]]:
    """Whether a string at this place is read as a text or refused, and the body."""
    dialect, body, _, _ = CASES[case]
    body = with_string(body, path, said)
    try:
        texts = read(dialect, fresh(body))
    except PiiUnsupportedContent:
        return True, body
    return any(said in text.text for text in texts.texts), body


@CASE
def test_a_word_planted_anywhere_is_read_or_stands_where_no_text_is(case: str) -> None:
    _, body, safe, safe_at = CASES[case]
    unread = {path for path, _ in every_string(body) if not planted(case, path, WORD)[0]}

    assert {general(path) for path in unread - safe_at} <= safe


@CASE
def test_the_list_of_safe_places_names_none_that_is_read(case: str) -> None:
    _, body, safe, _ = CASES[case]
    read_places = {general(path) for path, _ in every_string(body) if planted(case, path, WORD)[0]}
    kinds = {place for place in safe if place.endswith(("type", "content[].name"))}  # refused where not known

    assert not (read_places & safe) - kinds


@CASE
def test_words_where_a_name_should_stand_are_read_all_the_same(case: str) -> None:
    _, body, _, safe_at = CASES[case]
    unread = {path for path, _ in every_string(body) if not planted(case, path, SENTENCE)[0]}
    thoughts = {path for path in safe_at if path[-1] in ("text", "thinking")}

    assert {general(path) for path in unread - thoughts if not general(path).endswith(_NEVER)} == set()


@CASE
def test_a_text_is_put_back_where_it_was_read(case: str) -> None:
    dialect, body, _, _ = CASES[case]
    texts = read(dialect, fresh(body))
    numbered = [f"text {at}" for at in range(len(texts.texts))]
    found = {said for _, said in every_string(write(texts, numbered))}

    assert set(numbered) <= found


@CASE
def test_what_is_not_substituted_goes_out_as_it_came(case: str) -> None:
    dialect, body, _, _ = CASES[case]
    texts = read(dialect, fresh(body))

    assert write(texts, [text.text for text in texts.texts]) == body


@CASE
def test_places_tell_where_a_text_stands(case: str) -> None:
    dialect, body, _, _ = CASES[case]
    places = {text.place: text.text for text in read(dialect, fresh(body)).texts}
    expected = {
        "openai": {
            "messages[2].name": "jane",
            "messages[3].content[1].refusal": "No, Jane",
            "messages[3].tool_calls[0].function.arguments.address.city": "Oshawa",
            "messages[5].content.lines": "a\nJane",
            "tools[0].function.parameters.properties.type.const": "Jane Doe",
            "stop[1]": "Doe",
        },
        "anthropic": {
            "system[0].text": "You help Jane.",
            "messages[1].content[1].source.data": "Jane was here",
            "messages[2].content[4].input.address.city": "Oshawa",
            "messages[3].content[2].content.who": "Renée",
            "metadata.user_id": "jane",
        },
    }[case]

    assert {place: places[place] for place in expected} == expected
