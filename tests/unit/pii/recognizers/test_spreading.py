"""Names seen once and found everywhere: whole, in parts, not where the part is a plain word."""

from services.pii.entities import Entity, EntityType
from services.pii.recognizers.detector import Detector


class OneName:
    """Sees one name, at its first place only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tag(self, text: str, start: int, end: int) -> list[Entity]:
        at = text.find(self.name, start, end)
        if at < 0 or text.find(self.name) != at:
            return []
        return [Entity(start=at, end=at + len(self.name), type=EntityType.PERSON, score=0.9, recognizer="names")]


def seen(name: str, text: str) -> list[str]:
    return [text[one.start : one.end] for one in Detector(tagger=OneName(name)).detect(text)]


def test_a_name_is_found_again_whole_in_parts_and_in_any_case() -> None:
    text = "Élise Gagné called. Later elise gagné, Mme GAGNÉ and Élise's file; Gagnéville is a town."
    assert seen("Élise Gagné", text) == ["Élise Gagné", "elise gagné", "GAGNÉ", "Élise"]


def test_a_part_that_is_a_plain_word_counts_only_where_it_is_written_as_a_name() -> None:
    text = "Mark Young called. Will you mark the young tree? We told Mark so."
    assert seen("Mark Young", text) == ["Mark Young", "Mark"]


def test_short_parts_and_titles_are_not_spread() -> None:
    assert seen("Docteur Li Wang", "Docteur Li Wang came. Le docteur et Li sont là. Wang dort.") == [
        "Docteur Li Wang",
        "Wang",
    ]


def test_a_name_found_past_the_first_slice_is_found_before_it_too() -> None:
    text = "gagnon wrote this.\n" + "nothing here at all.\n" * 900 + "Signed, Luc Gagnon."
    assert seen("Luc Gagnon", text) == ["gagnon", "Luc Gagnon"]


def test_in_code_only_the_whole_name_is_found() -> None:
    text = "Luc Gagnon wrote:\n```\nauthor = 'Luc Gagnon'; gagnon = 1\n```\n"
    assert seen("Luc Gagnon", text) == ["Luc Gagnon", "Luc Gagnon"]


def test_a_letter_between_fences_is_read_like_any_other() -> None:
    for label in ("", "text", "csv", "json"):
        letter = f"Please shorten this:\n```{label}\nDear Luc Gagnon,\nthank you for your visit, gagnon.\n```\n"
        assert seen("Luc Gagnon", letter) == ["Luc Gagnon", "gagnon"]
    assert seen("gagnon", "```python\nprint(gagnon)\n```\n") == []
    assert seen("Luc Gagnon", '```python\nprint("Luc Gagnon")\n```\n') == ["Luc Gagnon"]


def test_names_behind_escapes_are_found_and_folders_are_whole() -> None:
    assert seen("Luc Gagnon", r'"Dear\nLuc Gagnon,\nthank you, \tGagnon"') == ["Luc Gagnon", "Gagnon"]
    assert seen("nathan", "see C:\\Users\\nathan\\notes") == ["nathan"]


def test_what_a_number_is_called_is_no_name() -> None:
    assert seen("NAS", "NAS : 046 454 286") == ["046 454 286"]


def test_names_keep_their_place_when_invisible_characters_precede_them() -> None:
    assert seen("Luc Gagnon", "\u200b\u200bhello Luc Gagnon") == ["Luc Gagnon"]


def test_a_structured_value_wins_over_a_name_inside_it_and_leaves_the_rest() -> None:
    assert seen("Guy Dorval", "au 2250 rue Guy Dorval.") == ["2250 rue Guy Dorval"]


def test_a_name_that_the_tagger_cuts_short_is_widened_to_its_word() -> None:
    assert seen("Luc Gag", "hello Luc Gagnon!") == ["Luc Gagnon"]
    assert seen("uc Gagnon", "hello Luc Gagnon!") == ["Luc Gagnon"]


def test_a_name_seen_in_lower_case_or_alone_does_not_make_words_of_code_names() -> None:
    assert seen("banner", "banner = 1; Banner; BANNER") == ["banner"]
    assert seen("Banner", "Banner met banner and BANNER") == ["Banner", "BANNER"]


def test_a_user_s_name_made_of_a_whole_name_is_found() -> None:
    text = "Luc Gagnon: user=luc.gagnon, luc_gagnon; self.gagnon, a.gagnon"
    assert seen("Luc Gagnon", text) == ["Luc Gagnon", "luc.gagnon", "luc_gagnon"]


def test_a_name_in_full_width_letters_is_read_as_in_others() -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "Gagnon")
    assert seen("Gagnon", f"met {wide} there") == [wide]
