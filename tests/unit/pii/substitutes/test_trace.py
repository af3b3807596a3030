"""Substitutes that are learnt again from what was drawn: the same ones, without looking at the prompt."""

import pytest
from hypothesis import given, settings

from services.pii.entities import Entity, EntityType
from services.pii.restoring.folding import fold
from services.pii.substitutes.substitution import Substitution
from services.pii.substitutes.trace import OutOfStep, Trace
from tests.unit.pii.restoring.prompts import KEY, Prompt, prompts, send


@given(sent=prompts())
@settings(max_examples=100)
def test_what_is_learnt_again_is_the_same_and_comes_back(sent: Prompt) -> None:
    first = Substitution(KEY)
    first.read(sent.text)
    given_out = first.substitute(sent.text, sent.entities)
    again = Substitution(KEY, before=first.drawn)
    for entity, _ in first.firsts:
        again.learn(sent.text[entity.start : entity.end], entity)
    again.caught_up()
    assert not again.drawn
    assert again.substitute(sent.text, sent.entities) == given_out
    assert again.firsts == first.firsts
    for form in (given_out, given_out.upper(), given_out.replace(" ", "-"), fold(given_out)):
        assert again.restorer().restore(form) == first.restorer().restore(form)


def test_it_goes_on_as_if_nothing_had_been_forgotten() -> None:
    asked = send(
        "{PERSON:Jane Doe} and {PHONE:514-924-7731} and {PERSON:Jane Roe} and {EMAIL:jane.doe@clinic.ca}"
    ).prompt
    whole, later = Substitution(KEY), Substitution(KEY)
    whole.read(asked.text)
    wanted = whole.substitute(asked.text, asked.entities)
    cut = asked.entities[1].end
    later.read(asked.text)
    head = later.substitute(asked.text[:cut], asked.entities[:2])
    again = Substitution(KEY, before=later.drawn)
    for entity, _ in later.firsts:
        again.learn(asked.text[entity.start : entity.end], entity)
    again.read(asked.text)
    assert head + again.substitute(asked.text[cut:], asked.entities[2:], cut) == wanted


def test_what_does_not_fit_is_out_of_step() -> None:
    drawn = Trace(["Brandvold", 3])
    with pytest.raises(OutOfStep):
        drawn.number()
    assert drawn.word() == "Brandvold"
    with pytest.raises(OutOfStep):
        drawn.word()
    with pytest.raises(OutOfStep):
        drawn.over()
    assert drawn.number() == 3
    assert (drawn.number(), drawn.word()) == (None, None)
    other = Substitution(KEY, before=["Brandvold", "Lefort", 0])
    other.learn("Jane", Entity(start=0, end=4, type=EntityType.PERSON, score=1.0, recognizer="drawn"))
    with pytest.raises(OutOfStep):
        other.caught_up()
