"""The detector as a whole: any text, borders, slices, disguises, and time that grows with the text only."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.pii.entities import Entity, EntityType
from services.pii.escapes import is_behind
from services.pii.recognizers.detector import Detector

Find = Callable[..., list[tuple[str, str]]]

DETECTOR = Detector()
WIDE = " ".join(["\uff14\uff11\uff11\uff11", *["\uff11" * 4] * 3])
DASHED = "\u2013".join(["4111", *["1111"] * 3])
PIECES = st.sampled_from(
    """jane@acme.ca 514-555-0199 046-454-286 4111 1111 @ :// http://a.ca/users/1 sin né le password: = " ' ` ```
    -----BEGIN PRIVATE KEY----- 12 rue de l' Main Street apt , . ; | \u200b \u00a0 \uff14\uff11\uff11\uff11 é
    \ud83d\ude00 电话 GB29
    :: 1:2: \n\n \t
    H2X 1K4 sk- eyJ 1980-01-02 (46 ans) (((( 0 1 2 3 born A1234-56789-01234""".split(" ")
)
TEXTS = st.one_of(
    st.text(max_size=400), st.lists(PIECES, max_size=60).map(" ".join), st.lists(PIECES, max_size=60).map("".join)
)


def valid(text: str, entities: list[Entity]) -> None:
    for one in entities:
        assert 0 <= one.start < one.end <= len(text)
        assert 0 <= one.score <= 1
        for border in (one.start, one.end):
            around = text[max(0, border - 1) : border + 1]
            apart = len(around) < 2 or not (around.isascii() and around.isalnum())
            assert apart or is_behind(text, border), (text, one)
    assert all(first.end <= second.start for first, second in pairwise(entities))


@settings(max_examples=300)
@given(TEXTS)
def test_any_text_gives_entities_that_are_sorted_disjoint_and_whole_words(text: str) -> None:
    valid(text, DETECTOR.detect(text))


@settings(max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(min_value=8, max_value=40))
def test_the_last_piece_is_what_detect_gives(parts: list[str], times: int) -> None:
    text = "\n".join(parts * times)
    *_, last = DETECTOR.pieces(text)
    assert last == DETECTOR.detect(text)
    valid(text, last)


def test_a_text_without_anything_gives_one_empty_piece() -> None:
    assert list(DETECTOR.pieces("")) == [[]]
    assert list(DETECTOR.pieces("nothing to see")) == [[]]


def test_a_long_text_comes_in_many_pieces_and_loses_nothing_at_their_borders() -> None:
    line = "Ms. Roy wrote to roy{0}@acme.ca about card 4111 1111 1111 1111, and then went home for the day. "
    text = "".join(line.format(number) for number in range(1_000))
    found = DETECTOR.detect(text)
    assert len(list(DETECTOR.pieces(text))) > 10
    assert sum(one.type is EntityType.EMAIL for one in found) == 1_000
    assert sum(one.type is EntityType.CREDIT_CARD for one in found) == 1_000


def test_a_long_text_without_anything_in_it_comes_in_many_pieces_too() -> None:
    text = "Nothing that belongs to anybody stands in this line of the minutes.\n" * 1_000
    pieces = list(DETECTOR.pieces(text))
    assert len(pieces) > 10
    assert not any(pieces)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("card 4111\u200b1111\u200b1111\u200b1111", "4111\u200b1111\u200b1111\u200b1111"),
        ("card " + WIDE, WIDE),
        ("card 4111\u00a01111\u202f1111\u20091111.", "4111\u00a01111\u202f1111\u20091111"),
        ("card ٤١١١١١١١١١١١١١١١", "٤١١١١١١١١١١١١١١١"),
        ("card " + DASHED, DASHED),
        ("a j\u0430ne@\u0435xample.com b", "j\u0430ne@\u0435xample.com"),
        ("我的电话是13812345678谢谢 tel 514-555-0199号", "514-555-0199"),
        ("ne\u0301e le 3 mai 1980", "3 mai 1980"),
    ],
)
def test_invisible_wide_and_lookalike_characters_hide_nothing(find: Find, text: str, value: str) -> None:
    assert value in [found for _, found in find(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"note": "Called\nSIN\t046454286\n", ', "046454286"),
        (r"SIN:\\n046 454 286", "046 454 286"),
        (r'{"m": "jane.doe\u0040acme.ca", ', r"jane.doe\u0040acme.ca"),
        (r'{"m": "h\u00e9l\u00e8ne@acme.ca", ', r"h\u00e9l\u00e8ne@acme.ca"),
        (r'"to": "\u003cjane@acme.ca\u003e"', "jane@acme.ca"),
        (r'print("Write to:\njane@acme.ca\n")', "jane@acme.ca"),
        ("phone: _514-555-0199_.", "514-555-0199"),
        ("SIN __046 454 286__", "046 454 286"),
        ("a form: email=jane%40acme.ca&x=1", "jane%40acme.ca"),
        ("jane&#64;acme.ca", "jane&#64;acme.ca"),
        ("SIN: 046   454   286", "046   454   286"),
        ("card no. 4111\t1111\t1111\t1111", "4111\t1111\t1111\t1111"),
        ("phone 514\u00b7555\u00b70199", "514\u00b7555\u00b70199"),
    ],
)
def test_escapes_emphasis_and_wide_gaps_hide_nothing(find: Find, text: str, value: str) -> None:
    assert [found for _, found in find(text)] == [value]


def test_columns_and_lists_are_no_number_of_anybody_s(find: Find) -> None:
    for text in ("sin 100  200  300", "sin: 100,200,300", "SIN\tPhone\n100\t200\t300", "a_b_c and __init__ of 12"):
        assert find(text) == []


ADVERSARIAL = [
    "1", "1-", "1 ", "1. ", "(", "1(", "@", "a@", "a.", "a", "A1", ":", "a:", "f::1 ", "://", "http://", "/users",
    ".com/", "password ", "password=(", "token for ", "born ", "né le ", "12 rue ", "de la ", "12 Main ",
    "apt 12 ", "sin,",
    'sin,"',     "1\u200b", "电话138", "eyJ", "sk-", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "```",
    "```\n", "GB29 ", "H2X 1K",
    "mot de passe? ", "password\n", 'mdp "', "password to ",
    "login a/", "creds a/b ", "code of the ", "code for 4821 ", "PIN (", "kids A 2014-01-01, ",
    "wifi a / ", "ssid a, key ", "answer: ", "e-transfer answer ", "five ", "call five ", "cinq cent ", "new PDO(",
    "auth=(", "Cookie: a=", "$2b$12$", "sv=1&sig=", "1990-01-01 instead of ", "dob 1990-01-01 or ", "N0taKEY",
    "a1B2c3D4e5F6g7H8i9J0k1L2 ", "https://hooks.a/hook/", "is my PHN ", "spouse   ",
    "security question ", "backup codes: ", "wifi ",
    "curl -u a", "mysql ", "seed phrase: a", "passphrase: ab ", "AKIAIOSFODNN7EXAMPLE ", "how old 1990-01-01,",
    "born nineteen ",
    "né vingt ", "age 4, ", "12 ans, 1990-01-01, ", "SIN 046454286  1990-01-01  ", "a / sin / b\n", "|M|", "P<CAN<",
    "SIN 046  ", "SIN 046_", "_a ", "_a_ ", "a%40", "\\n", "\\u00e9", "C:\\n", "\\n1 ", "\\\\",
    "a at b dot ", "12 rue d'", "l'", "x" * 50 + " ", "514-555-0199x", "\n", " ",
]  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_grows_with_the_length_of_the_text_only(unit: str) -> None:
    short, long = unit * (8_000 // len(unit)), "12 rue " + unit * (64_000 // len(unit))
    DETECTOR.detect(short)
    # What is worse than linear is so each time; a machine with much to do is not.
    assert any(spent(long) < max(spent(short), 0.002) * 8 * 4 for _ in range(3))


def spent(text: str) -> float:
    """Seconds of CPU to look through it."""
    before = time.process_time()
    DETECTOR.detect(text)
    return time.process_time() - before
