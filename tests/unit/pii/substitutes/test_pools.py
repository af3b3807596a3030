import re
from itertools import pairwise

from services.pii.substitutes.pools import load_pools

NAMES = ("male", "female", "last")


def pool(name: str) -> set[str]:
    words = load_pools().words
    return {*words[f"{name} vowel"], *words[f"{name} consonant"]}


def test_every_class_of_names_is_large() -> None:
    for name in NAMES:
        for sound in ("vowel", "consonant"):
            assert len(load_pools().words[f"{name} {sound}"]) >= 1000


def test_words_are_plain_and_four_letters_long_or_longer() -> None:
    for words in load_pools().words.values():
        assert all(re.fullmatch("[A-Z][a-z]{3,9}", word) for word in words)


def test_no_word_is_in_two_pools_or_begins_another() -> None:
    ordered = sorted([*(word for words in load_pools().words.values() for word in words), *load_pools().towns[""]])
    assert len(ordered) == len(set(ordered))
    for word, following in pairwise(ordered):
        assert not following.startswith(word)


def test_no_word_is_a_place_or_a_common_name() -> None:
    pools = load_pools()
    names = {word.lower() for name in (*NAMES, "street") for word in pool(name)}
    assert not names & set(pools.provinces)
    assert not names & pools.regions
    assert not names & set(
        "may day long page west will mark grace paris london king smith martin tremblay jane".split()
    )


def test_no_first_name_begins_as_monsieur_is_abbreviated() -> None:
    assert not {name for name in pool("male") | pool("female") if name[0] == "M"}


def test_known_first_names_have_their_gender() -> None:
    genders = load_pools().genders
    assert [genders[name] for name in ("jane", "robert", "amelie", "camille")] == ["female", "male", "female", "either"]
