import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.pii.entities import EntityType
from services.pii.restoring.aliases import Aliases
from services.pii.restoring.restorer import Restorer
from services.pii.substitutes.substitution import Substitution
from tests.unit.pii.restoring.prompts import RICH, Prompt, prompts, send
from tests.unit.pii.restoring.transforms import TRANSFORMS, as_json


def restorer_of(pairs: dict[str, str], *, json: bool = False, endings: dict[str, str] | None = None) -> Restorer:
    aliases = Aliases()
    for substitute, original in pairs.items():
        aliases.add(substitute, original)
    for substitute, original in (endings or {}).items():
        aliases.add_ending(substitute, original)
    return Restorer(aliases.index(), json=json)


def in_pieces(restorer: Restorer, text: str, sizes: list[int]) -> str:
    out, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        out.append(restorer.feed(text[at : at + size]))
        at, turn = at + size, turn + 1
    return "".join([*out, restorer.flush()])


ALPHABET = st.sampled_from(list("HubertLfo eé.,'-\"\\nu0123 \n\u00a0*_@"))
ANSWERS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "Hubert",
                "Lefort",
                "HUBERT",
                "hubert.lefort",
                "Hubertine",
                "514-555-0123",
                "ending in 0123",
                "\\n",
                "\\u0048ubert",
            ]
        ),
        st.text(ALPHABET, max_size=4),
    ),
    max_size=12,
).map("".join)
PAIRS = {
    "Hubert": "Jane",
    "Lefort": "Doe",
    "hubert.lefort": "jane.doe",
    "Hubert Lefort": "Jane  Doe",
    "(514) 555-0123": "(604) 222-3344",
    "514-555-0123": "604-222-3344",
    "Lefort: 12 Kuurne Street": 'Doe: "12" King Street',
}


@given(answer=ANSWERS, sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5), escaped=st.booleans())
@settings(max_examples=400)
def test_what_comes_out_does_not_depend_on_where_the_answer_is_cut(
    answer: str, sizes: list[int], escaped: bool
) -> None:
    restorer = restorer_of(PAIRS, json=escaped, endings={"0123": "3344"})
    whole = restorer.restore(answer)
    assert in_pieces(restorer, answer, [1]) == whole
    assert in_pieces(restorer, answer, sizes) == whole


@given(sent=prompts(), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5))
@settings(max_examples=300)
def test_a_prompt_that_is_echoed_comes_back_as_it_was(sent: Prompt, sizes: list[int]) -> None:
    request = send(sent)
    assert in_pieces(request.substitution.restorer(), request.out, sizes) == sent.text


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_substitute_comes_back_in_the_form_the_answer_gives_it(name: str) -> None:
    types, write = TRANSFORMS[name]
    request = send(RICH)
    tried = 0
    for type_, original, substitute in request.pairs:
        written, wanted = write(substitute), write(original)
        if (types is None or type_ in types) and written is not None and wanted is not None:
            assert in_pieces(request.substitution.restorer(), written, [3, 1, 5]) == wanted
            tried += 1
    assert tried


@given(sent=prompts())
@settings(max_examples=150)
def test_values_come_back_inside_json_escaped_for_it(sent: Prompt) -> None:
    request = send(sent)
    for _, original, substitute in request.pairs:
        for ascii_only in (True, False):
            answer = in_pieces(
                request.substitution.restorer(json=True), as_json(substitute, ascii_only=ascii_only), [2]
            )
            assert json.loads(answer) == {"value": original, "again": [f"line\n{original}\t"]}


def test_nearly_every_form_of_every_kind_comes_back() -> None:
    tried = right = 0
    for number in range(40):
        first = ("Jane", "Marc-André", "Wei", "Amélie", "Olena")[number % 5]
        last = ("Doe", "Tremblay", "O'Brien", "McDonald", "Nguyen", "Lévesque", "Singh")[number % 7]
        request = send(
            f"{{PERSON:{first} {last}}}, {{PHONE:{(514, 416, 604)[number % 3]}-555-{number * 7 + 1000}}}, card "
            f"{{CREDIT_CARD:4{number:03d} 1111 2222 {number + 3000}}}, {{SIN:{number + 100} 454 286}}, "
            f"{{SSN:{number + 100}-45-6789}}, {{EMAIL:{first.lower()}{number}@acme{number}.ca}}"
        )
        for type_, original, substitute in request.pairs:
            for types, write in TRANSFORMS.values():
                written, wanted = write(substitute), write(original)
                if (types is None or type_ in types) and written is not None and wanted is not None:
                    tried += 1
                    right += in_pieces(request.substitution.restorer(), written, [1, 4, 9]) == wanted
    assert tried >= 3000
    assert right / tried >= 0.995


def test_a_request_without_personal_data_gets_its_answer_at_once() -> None:
    substitution = Substitution(b"k" * 32)
    substitution.read("What is the capital of France?")
    assert substitution.substitute("What is the capital of France?", []) == "What is the capital of France?"
    restorer = substitution.restorer()
    assert restorer.feed("Par") == "Par"
    assert restorer.flush() == ""
    assert substitution.empty


def test_only_what_may_become_a_substitute_is_held_back() -> None:
    restorer = restorer_of({"Hubert": "Jane", "Hubert Lefort": "Jane Doe"})
    assert restorer.feed("Hello ") == "Hello "
    assert restorer.feed("Hu") == ""
    assert restorer.held == 2
    assert restorer.feed("ge ") == "Huge "
    assert restorer.feed("Hubert") == ""
    assert restorer.feed(" Le") == ""
    assert restorer.feed("on") == "Jane Leon"
    assert restorer.flush() == ""


@pytest.mark.parametrize("text", ["Hubertine", "xHubert", "Hubert1", "éHubert", "Huberté", "Lehubert"])
def test_a_substitute_inside_a_longer_word_stays(text: str) -> None:
    assert restorer_of({"Hubert": "Jane"}).restore(text) == text
    assert in_pieces(restorer_of({"Hubert": "Jane"}), text, [1]) == text


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("请联系Hubert先生", "请联系Jane先生"),
        ("user_hubert", "user_jane"),
        ("Hubert\u2019s", "Jane\u2019s"),
        ("l'HUBERT", "l'JANE"),
        ("\uff28ubert", "Jane"),
    ],
)
def test_other_scripts_and_signs_end_a_word(answer: str, wanted: str) -> None:
    assert restorer_of({"Hubert": "Jane"}).restore(answer) == wanted


def test_the_longest_form_from_the_left_wins() -> None:
    restorer = restorer_of({"Hubert": "Jane", "Hubert Lefort": "Dr. Doe", "Lefort Town": "never"})
    assert restorer.restore("Hubert Lefort Town") == "Dr. Doe Town"


def test_each_spelling_has_its_own_original() -> None:
    restorer = restorer_of({"Hubert": "Castel", "HUBERT": "CASTEL", "hubert": "kastel"})
    assert restorer.restore("Hubert HUBERT hubert hUBERT") == "Castel CASTEL kastel Castel"


def test_a_form_of_two_originals_comes_back_as_neither() -> None:
    aliases = Aliases()
    aliases.offer(lambda: [("H. Lefort", "J. Doe"), ("H. Burt", "M. Roy"), ("h. burt", "m. roy")])
    aliases.offer(lambda: [("H. Lefort", "M. Doe")])
    assert Restorer(aliases.index()).restore("H. Lefort, H. Burt") == "H. Lefort, M. Roy"


def test_forms_that_stand_in_the_way_of_an_echo_are_given_up() -> None:
    plain = send("{PERSON:Jane Doe}")
    first, last = plain.out.split()
    assert plain.substitution.restorer().restore(f"{first[0]}. {last}") == "J. Doe"
    marked = f"{{PERSON:Jane Doe}}, {first[0]}. {{PERSON:Doe}}"
    request = send(marked)
    assert request.out == f"{first} {last}, {first[0]}. {last}"
    assert request.substitution.restorer().restore(request.out) == f"Jane Doe, {first[0]}. Doe"


def test_last_digits_come_back_only_behind_words_that_say_so() -> None:
    restorer = restorer_of({}, endings={"0123": "9876"})
    assert restorer.restore("the card ending in 0123, in room 0123") == "the card ending in 9876, in room 0123"
    assert in_pieces(restorer, "carte se terminant par **0123**", [1]) == "carte se terminant par **9876**"


def test_escapes_that_the_model_writes_are_read() -> None:
    restorer = restorer_of({"Hubert": 'Ja"ne\n'}, json=True)
    answer = in_pieces(restorer, r'{"a":"\nHubert\t","b":"\u0048\u0075bert","c":"\\Hubert","d":"\u00e9t\u00e9"}', [1])
    assert answer == r'{"a":"\nJa\"ne\n\t","b":"Ja\"ne\n","c":"\\Ja\"ne\n","d":"\u00e9t\u00e9"}'


def test_a_substitute_behind_an_escape_that_a_text_shows_comes_back() -> None:
    shown = r'print("Dear\nHubert,\r\nLefort") \u003cHubert\u003e {"a": "{\"b\": \"x\\nHubert\"}"} C:\nHuberta'
    for escaped in (False, True):
        restorer = restorer_of({"Hubert": "Jane", "Lefort": "Doe"}, json=escaped)
        for size in (1, 3, 7):
            restored = in_pieces(restorer, shown, [size])
            assert restored == shown.replace("Huberta", "@").replace("Hubert", "Jane").replace("Lefort", "Doe").replace(
                "@", "Huberta"
            )


def test_a_number_that_would_be_none_in_json_comes_back_as_a_string() -> None:
    answer = r'{"sin":893276311,"all": [893276311 ,4165550182], "note": "\"SIN: 893276311, or", "n":"893276311"}'
    wanted = r'{"sin":"046454286","all": ["046454286" ,4169247731], "note": "\"SIN: 046454286, or", "n":"046454286"}'
    for size in (1, 2, 5, 100):
        restorer = restorer_of({"893276311": "046454286", "4165550182": "4169247731"}, json=True)
        assert in_pieces(restorer, answer, [size]) == wanted
        assert in_pieces(restorer, "It is 893276311.", [size]) == "It is 046454286."


def test_a_folder_whose_name_begins_as_an_escape_does_comes_back() -> None:
    restorer = restorer_of({"norbert": "nathan"})
    assert in_pieces(restorer, r"C:\Users\norbert\notes", [1]) == r"C:\Users\nathan\notes"


@given(text=st.text(max_size=200), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4), escaped=st.booleans())
def test_a_text_without_substitutes_passes_as_it_is(text: str, sizes: list[int], escaped: bool) -> None:
    restorer = restorer_of({"Brandvoldhollis Lefort": "Jane"}, json=escaped)
    assert in_pieces(restorer, text, sizes) == text


def test_substitutes_of_another_account_are_never_restored() -> None:
    ours, theirs = send(RICH), send(RICH, key=b"another account's key, 32 bytes.")
    answer = theirs.out.replace("Montréal", "Laval")
    for _, original, substitute in ours.pairs:
        assert substitute not in theirs.out
        assert ours.substitution.restorer().restore(f"It is {theirs.substitute_of(original)}.") != f"It is {original}."
    assert "Jane" not in ours.substitution.restorer().restore(answer)


def test_long_answers_and_long_keys_take_linear_time() -> None:
    key = "sk " + "a1 " * 10_000
    restorer = restorer_of({f"{key}end": "original", "Hubert": "Jane"})
    answer = "sk a1 " * 10_000
    start = time.thread_time()
    assert restorer.restore(answer) == answer
    assert time.thread_time() - start < 2


def test_a_restorer_begins_anew_after_the_end() -> None:
    restorer = restorer_of({"Hubert": "Jane"})
    assert restorer.restore("abc Hub") == "abc Hub"
    assert restorer.restore("Hubert") == "Jane"


def test_what_is_in_the_list_of_types_is_tried() -> None:
    assert {type_ for type_, _, _ in send(RICH).pairs} == set(EntityType)
