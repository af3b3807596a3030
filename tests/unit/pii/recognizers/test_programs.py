"""Which texts are programs: in those a part of a name is a word like others."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.pii.entities import Entity, EntityType
from services.pii.recognizers.detector import Detector
from services.pii.recognizers.slices import Code, fences, programs
from services.pii.recognizers.spreading import names_of, spread

PROSE = """Dear Ms. Netter,

if we could meet for an hour, with or without the others, I would be glad (really): there is much to say.
From Monday on, while the office is closed, please write; return to the old address is not needed.
""" * 10  # fmt: skip
PROGRAM = "class Netter:\n    def __init__(self, name):\n        self.name = name\n        self.count = 0\n\n" * 8


def test_a_module_is_a_program_and_a_letter_is_not() -> None:
    assert programs(Path(__file__).read_text()) == [(0, len(Path(__file__).read_text()))]
    assert programs(PROGRAM) == [(0, len(PROGRAM))]
    assert programs(PROSE) == []


def test_a_letter_with_a_block_of_code_is_fenced_there_alone() -> None:
    text = PROSE + "```python\n" + PROGRAM + "```\n" + PROSE
    assert programs(text) == fences(text) != []


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert {*programs(text)} <= {*fences(text), (0, len(text))}


def test_rules_find_values_in_programs_as_elsewhere() -> None:
    found = Detector().detect(PROGRAM + 'OWNER = "anna.netter@clinic.example"\n')
    assert [one.type.value for one in found] == ["EMAIL"]


class Everywhere:
    """A tagger that takes every place of a word for a name."""

    def __init__(self, word: str, score: float) -> None:
        self.word, self.score = word, score

    def tag(self, text: str, start: int, end: int) -> list[Entity]:
        size, at, found = len(self.word), text.find(self.word, start, end), list[Entity]()
        while at >= 0:
            entity = Entity(start=at, end=at + size, type=EntityType.PERSON, score=self.score, recognizer="names")
            found.append(entity)
            at = text.find(self.word, at + size, end)
        return found


def names_in(text: str, word: str, score: float) -> int:
    return len(Detector(tagger=Everywhere(word, score)).detect(text))


def test_in_a_program_a_lone_word_that_may_be_a_name_is_an_identifier() -> None:
    for word in ("netter", "Netter"):
        line = f"# {word} is set here\n"
        assert names_in(line + PROGRAM, word, 0.6) == 0
        assert names_in(line + PROSE, word, 0.6) > 0
    assert names_in("# Netter wrote this\n" + PROGRAM, "Netter", 0.9) > 0
    assert names_in("# Anna Netter wrote this\n" + PROGRAM, "Anna Netter", 0.6) == 1


def test_in_a_program_a_name_between_quotes_is_data() -> None:
    assert names_in(PROGRAM + 'OWNER = "netter"\n', "netter", 0.6) == 1
    assert names_in(PROGRAM + 'class A:\n    """netter is a flag"""\n', "netter", 0.6) == 0


def test_a_letter_with_a_block_of_code_is_a_letter() -> None:
    text = "I met Netter today.\n\n```python\n" + PROGRAM + "```\n"
    assert names_in(text, "met", 0.6) == 1


def test_in_a_program_a_name_found_once_is_not_looked_for_by_its_parts() -> None:
    found = [Entity(start=0, end=11, type=EntityType.PERSON, score=0.9, recognizer="names")]
    text = "Anna Netter\n" + PROGRAM
    names = names_of([(text, found)])
    assert names is not None
    assert spread(text, found, names, code=Code(text)) == []
    letter = "Anna Netter\n" + PROSE
    assert len(spread(letter, found, names, code=Code(letter))) == 10
