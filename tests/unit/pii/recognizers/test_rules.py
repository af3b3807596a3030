"""Policies compiled: types off, allow and deny lists, customers' patterns, strictness."""

import time
from collections.abc import Callable

import pytest

from libs.contracts.errors import InvalidRequest
from services.pii.policies import Policy, read_policy
from services.pii.recognizers.rules import DEFAULT, Rules, compile_rules

Find = Callable[..., list[tuple[str, str]]]


def rules(**members: object) -> Rules:
    return compile_rules(read_policy(members))


def test_the_default_policy_is_the_default_rules() -> None:
    assert compile_rules(Policy()) is DEFAULT


def test_a_type_that_is_off_is_not_found_and_gives_its_place_to_others(find: Find) -> None:
    text = "jane@acme.ca, 514-555-0199"
    assert find(text, rules(types={"EMAIL": False})) == [("PHONE", "514-555-0199")]


def test_an_allowed_phrase_is_left_alone_in_any_case_and_accents(find: Find) -> None:
    assert find("Écrivez à Info@Acme.ca ou jane@acme.ca", rules(allow=["info@acme.ca"])) == [("EMAIL", "jane@acme.ca")]


def test_what_lies_inside_an_allowed_phrase_is_left_alone(find: Find) -> None:
    assert find("visit 10 Downing Street, London", rules(allow=["10 downing street, london"])) == []


def test_a_denied_phrase_is_found_whole_only_in_any_case_and_accents(find: Find) -> None:
    text = "PROJET ÉTOILE, projet etoile; projets étoiles"
    assert find(text, rules(deny=["Projet Étoile"])) == [("CUSTOM", "PROJET ÉTOILE"), ("CUSTOM", "projet etoile")]


def test_a_customers_pattern_is_found_and_named(find: Find) -> None:
    found = rules(patterns=[{"name": "case", "regex": r"\bCAS-\d{4}\b"}])
    assert find("voir é CAS-1234 et CAS-12", found) == [("CUSTOM", "CAS-1234")]


@pytest.mark.parametrize("regex", [r"(", r"(?=a)b", r"(a)\1", r"a*", "", r"(a{1000}){1000}"])
def test_a_pattern_that_re2_cannot_run_or_that_matches_nothing_is_refused_by_name(regex: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules(patterns=[{"name": "bad", "regex": regex}])
    assert refused.value.param == "patterns.0.regex"


def test_a_pattern_made_to_backtrack_takes_no_time(find: Find) -> None:
    found = rules(patterns=[{"name": "evil", "regex": r"(a+)+$b"}])
    before = time.process_time()
    assert find("a" * 20_000 + "!", found) == []
    assert time.process_time() - before < 1


def test_a_strict_policy_shows_what_the_default_is_not_sure_of(find: Find) -> None:
    text = "le 123 456 789 de ce matin"
    assert find(text) == []
    assert find(text, rules(strict="mask")) == [("SIN", "123 456 789")]
    assert rules(strict="refuse").strict == "refuse"


def test_half_a_surrogate_pair_in_a_text_disturbs_no_pattern(find: Find) -> None:
    found = rules(patterns=[{"name": "case", "regex": r"CAS-\d{4}"}], deny=["secret garden"])
    assert find("\ud83d CAS-1234 \ude00 secret garden", found) == [("CUSTOM", "CAS-1234"), ("CUSTOM", "secret garden")]
