import re
import time
from datetime import date

import pytest
from hypothesis import given, settings
from stdnum import iban, luhn
from stdnum.ca import bc_phn, sin

from services.pii.entities import Entity, EntityType
from services.pii.restoring.folding import WORD, fold
from services.pii.substitutes.choosing import Choices, Words
from services.pii.substitutes.pools import load_pools
from services.pii.substitutes.prompt import Prompt as Standing
from services.pii.substitutes.substitution import Substitution, shape
from services.pii.substitutes.trace import Trace
from tests.unit.pii.restoring.prompts import KEY, RICH, Prompt, prompts, send

OTHER_KEY = b"another account's key, 32 bytes."


def one(marked: str, **more: str) -> str:
    return send(f"Note {{{marked}}} down.", **more).substitution.entries[0].substitute  # type: ignore[arg-type]


def test_the_same_account_gets_the_same_substitutes_and_another_gets_others() -> None:
    assert send(RICH).out == send(RICH).out
    ours = {original: substitute for _, original, substitute in send(RICH).pairs}
    theirs = {original: substitute for _, original, substitute in send(RICH, key=OTHER_KEY).pairs}
    alike = [original for original in ours if ours[original] == theirs[original]]
    assert not alike


def test_a_conversation_of_its_own_gets_substitutes_of_its_own() -> None:
    assert one("PERSON:Jane Doe", scope="one") != one("PERSON:Jane Doe", scope="two")


def test_the_next_turn_maps_the_history_alike() -> None:
    first = send(RICH)
    second = send(RICH + " And {PERSON:Priya Singh} from {LOCATION:Halifax} writes to {EMAIL:jane.doe@acme.ca} too.")
    assert second.out.startswith(first.out)


def test_the_order_of_new_people_does_not_matter() -> None:
    one_way = send("{PERSON:Jane Doe} and {PERSON:Priya Singh}")
    other_way = send("{PERSON:Priya Singh} and {PERSON:Jane Doe}")
    assert set(one_way.out.split(" and ")) == set(other_way.out.split(" and "))


def test_a_name_is_replaced_word_by_word() -> None:
    sent = send("{PERSON:Jane Doe}, {PERSON:DOE, Jane}, {PERSON:Ms. Doe}, {PERSON:jane}")
    first, last = sent.substitute_of("Jane Doe").split()
    assert sent.out == f"{first} {last}, {last.upper()}, {first}, Ms. {last}, {first.lower()}"


def test_gender_and_the_beginning_that_french_elides_stay() -> None:
    pools = load_pools()
    for name, gender in (("Amélie", "female"), ("Julie", "female"), ("Henri", "male"), ("Robert", "male")):
        substitute = one(f"PERSON:{name}")
        sound = "vowel" if name[0] in "AH" else "consonant"
        assert substitute in pools.words[f"{gender} {sound}"]


def test_an_email_address_agrees_with_the_name() -> None:
    sent = send("{EMAIL:jdoe@acme.ca}, {EMAIL:jane.doe@acme.ca}, {EMAIL:j.doe@gmail.com} of {PERSON:Jane Doe}")
    first, last = sent.substitute_of("Jane Doe").lower().split()
    domain = sent.substitute_of("jdoe@acme.ca").partition("@")[2]
    assert domain.endswith(".example")
    assert sent.substitute_of("jdoe@acme.ca") == f"{first[0]}{last}@{domain}"
    assert sent.substitute_of("jane.doe@acme.ca") == f"{first}.{last}@{domain}"
    assert re.fullmatch(rf"{first[0]}\.{last}@example\.(com|org|net)", sent.substitute_of("j.doe@gmail.com"))


def test_phones_stay_in_their_area_and_are_nobodys() -> None:
    assert re.fullmatch(r"\(514\) 555-01\d\d", one("PHONE:(514) 398-4455"))
    assert re.fullmatch(r"\+1 416\.555\.01\d\d ext\. 12", one("PHONE:+1 416.398.4455 ext. 12"))
    assert re.fullmatch(r"\+33 6 39 98 \d\d \d\d", one("PHONE:+33 6 12 34 56 78"))


def test_many_phones_of_an_area_go_on_in_the_province() -> None:
    numbers = [f"438-2{number:02d}-7788" for number in range(100)]
    sent = send(", ".join(f"{{PHONE:{number}}}" for number in numbers))
    made = [substitute for _, _, substitute in sent.pairs]
    quebec = {"263", "354", "367", "418", "438", "450", "468", "514", "579", "581", "819", "873"}
    assert len(set(made)) == 100
    assert {number[:3] for number in made} <= quebec
    assert sent.substitution.restorer().restore(sent.out) == sent.prompt.text


@pytest.mark.parametrize(
    ("number", "prefix"),
    [
        ("4111 1111 1111 1111", "4000 00"),
        ("5454-5454-5454-5454", "5555-55"),
        ("378282246310005", "378282"),
        ("6011000990139424", "601100"),
        ("4222222222222", "400000"),
    ],
)
def test_cards_are_test_numbers_of_their_brand(number: str, prefix: str) -> None:
    made = one(f"CREDIT_CARD:{number}")
    assert made.startswith(prefix)
    assert len(made) == len(number)
    assert luhn.is_valid(re.sub(r"\D", "", made))


def test_insurance_and_health_numbers_were_never_issued() -> None:
    for number in range(50):
        made = re.sub(r"\D", "", one(f"SIN:{number + 100} 454 286"))
        assert made[0] == "8"
        assert luhn.is_valid(made)
        assert not sin.is_valid(made)
        area, group, serial = one(f"SSN:{number + 100}-45-6789").split("-")
        assert area[0] == "9"
        assert 1 <= int(group) <= 49
        assert serial != "0000"
        health = one(f"HEALTH_NUMBER/BC:9{number + 100}454286")
        assert health[0] == "9"
        assert not bc_phn.is_valid(f"{health}0"[:10])
    ontario = one("HEALTH_NUMBER/ON:1234-567-897-AB")
    assert re.fullmatch(r"0\d{3}-\d{3}-\d{3}-[A-Z]{2}", ontario)
    assert luhn.is_valid(ontario[:-3].replace("-", ""))


def test_quebecs_health_number_is_made_of_the_substituted_name_and_date() -> None:
    sent = send("{PERSON:Jane Doe}, {HEALTH_NUMBER:DOEJ 8453 0412}, {DATE_OF_BIRTH:1984-03-04}")
    first, last = sent.substitute_of("Jane Doe").split()
    born = date.fromisoformat(sent.substitute_of("1984-03-04"))
    made = sent.substitute_of("DOEJ 8453 0412").replace(" ", "")
    assert made[:4] == (last[:3] + first[0]).upper()
    assert made[4:10] == f"{born.year % 100:02d}{born.month + 50}{born.day:02d}"


def test_the_time_between_dates_of_birth_stays() -> None:
    sent = send("{DATE_OF_BIRTH:1984-03-04}, {DATE_OF_BIRTH:1990-12-30}, {DATE_OF_BIRTH/fr:le 5 mars 1984}")
    made = [date.fromisoformat(sent.substitute_of(day)) for day in ("1984-03-04", "1990-12-30")]
    assert made[1] - made[0] == date(1990, 12, 30) - date(1984, 3, 4)
    assert 0 < abs((made[0] - date(1984, 3, 4)).days) < 30
    assert re.fullmatch(r"le \d{1,2}(er)? (février|mars|avril) 1984", sent.substitute_of("le 5 mars 1984"))


@pytest.mark.parametrize(
    ("written", "others"),
    [
        ("March 4, 1984", ("1984-03-04", "4 mars 1984", "03/04/1984", "Mar 4, 1984", "4 March 1984")),
        ("1984-03-04", ("March 4, 1984", "March 4th, 1984", "04/03/1984")),
        ("4 MARS 1984", ("1984-03-04",)),
    ],
)
def test_a_date_comes_back_in_another_layout(written: str, others: tuple[str, ...]) -> None:
    sent = send(f"born {{DATE_OF_BIRTH:{written}}}")
    restorer = sent.substitution.restorer()
    shifted = date(1984, 3, 4)
    for days in range(-30, 31):
        day = date.fromordinal(shifted.toordinal() + days)
        if restorer.restore(day.isoformat()) != day.isoformat():
            break
    else:
        pytest.fail("no date comes back")
    layouts = {
        "1984-03-04": day.isoformat(),
        "March 4, 1984": f"{day:%B} {day.day}, {day.year}",
        "4 March 1984": f"{day.day} {day:%B} {day.year}",
        "Mar 4, 1984": f"{day:%b} {day.day}, {day.year}",
        "03/04/1984": f"{day:%m/%d/%Y}",
        "04/03/1984": f"{day:%d/%m/%Y}",
    }
    for other in others:
        if other in layouts:
            assert restorer.restore(f"on {layouts[other]}.") == f"on {other}."


def test_ibans_are_of_their_country_and_right() -> None:
    made = one("IBAN:GB82 WEST 1234 5698 7654 32")
    assert re.fullmatch(r"GB\d\d [A-Z]{4} \d{4} \d{4} \d{4} \d\d", made)
    assert iban.is_valid(made, check_country=False)


def test_machines_move_to_documentation_networks_together() -> None:
    sent = send("{IP:8.8.8.8} {IP:8.8.8.9} {IP:1.2.3.4} {IP:10.0.0.1} {IP:2606:4700::1111} {IP:fe80::1}")
    made = {original: substitute for _, original, substitute in sent.pairs}
    assert set(made) == {"8.8.8.8", "8.8.8.9", "1.2.3.4", "2606:4700::1111"}
    networks = [made[address].rpartition(".")[0] for address in ("8.8.8.8", "8.8.8.9", "1.2.3.4")]
    assert networks[0] == networks[1] != networks[2]
    assert set(networks) <= {"192.0.2", "198.51.100", "203.0.113"}
    assert made["2606:4700::1111"].startswith("2001:db8:")


def test_places_stay_in_their_province_and_regions_stay() -> None:
    towns = load_pools().towns
    assert one("LOCATION:Montréal") in towns["QC"]
    assert one("LOCATION:Sault Ste. Marie") in towns["ON"]
    town, _, rest = one("LOCATION:Vancouver, British Columbia, Canada").partition(", ")
    assert town in towns["BC"]
    assert rest == "British Columbia, Canada"
    assert send("{LOCATION:France}").substitution.empty


def test_an_address_keeps_its_form() -> None:
    made = one("ADDRESS:12 rue Sainte-Catherine O., app. 4, Montréal, QC H2X 1K4")
    assert re.fullmatch(r"\d\d rue Sainte-[A-Z][a-z]+ O\., app\. \d, [A-Z][a-z]+, QC H\d[A-Z] \d[A-Z]\d", made)
    assert not {"Catherine", "Montréal", "H2X"} & set(WORD.findall(made))


def test_a_part_of_an_address_comes_back() -> None:
    sent = send("{ADDRESS:4821 Maple Ridge Road, Springfield, ON K1A 0B1}")
    made = sent.substitute_of("4821 Maple Ridge Road, Springfield, ON K1A 0B1")
    street, town, code = made.split(", ")
    restorer = sent.substitution.restorer()
    assert restorer.restore(f"{street}\n{town}") == "4821 Maple Ridge Road\nSpringfield"
    assert restorer.restore(code.partition(" ")[2].replace(" ", "")) == "K1A0B1"


def test_secrets_keep_their_make() -> None:
    key = one("SECRET:sk-ant-api03-AbCdEf012345-xyz_9")
    assert re.fullmatch(r"sk-ant-api03-[A-Z][a-z][A-Z][a-z][A-Z][a-z]\d{6}-[a-z]{3}_\d", key)
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQ+/8a==\n-----END PRIVATE KEY-----"
    made = one(f"SECRET:{pem}")
    assert made.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert made.endswith("==\n-----END PRIVATE KEY-----")
    assert "MIIEvQ" not in made
    assert one("SECRET:!!!???") not in {"!!!???", ""}


def test_only_the_personal_part_of_a_url_changes() -> None:
    made = one("ACCOUNT_URL:https://acme.ca/users/jane.doe/orders/48213?tab=open#top")
    assert re.fullmatch(r"https://acme\.ca/users/[a-z]+\.[a-z]+/orders/\d{5}\?tab=[a-z]+#top", made)
    assert "jane" not in made
    assert "48213" not in made


def test_the_institution_of_an_account_stays() -> None:
    assert re.fullmatch(r"\d{5}-003-\d{7}", made := one("BANK_ACCOUNT:12345-003-1234567"))
    assert made != "12345-003-1234567"


def test_no_substitute_stands_in_the_prompt() -> None:
    plain = send(RICH)
    pasted = send(RICH, beside=plain.out)
    kept = {original for _, original, substitute in plain.pairs if pasted.substitute_of(original) == substitute}
    assert not kept
    assert pasted.substitution.restorer().restore(pasted.out) == pasted.prompt.text


def test_a_pasted_substitute_is_not_restored() -> None:
    substitute = one("PERSON:Jane Doe")
    sent = send(f"{{PERSON:Jane Doe}} wrote; {substitute} is somebody else.")
    assert sent.out.endswith(f"; {substitute} is somebody else.")
    assert sent.substitution.restorer().restore(sent.out) == sent.prompt.text


def test_two_people_whose_substitutes_clash_get_two() -> None:
    names = [f"{a}{b}{c}son" for a in "BCDFG" for b in "aeiou" for c in "klmnprst"]
    sent = send(" ".join(f"{{PERSON:{name}}}" for name in names))
    assert len({substitute for _, _, substitute in sent.pairs}) == len(names)
    assert sent.substitution.restorer().restore(sent.out) == sent.prompt.text


def test_more_names_than_the_pools_hold_are_still_told_apart() -> None:
    names = [f"{a}{b}{c}{d}" for a in "BCDFGKLMNP" for b in "aeiou" for c in "bcdfgklmnp" for d in "aeioux"]
    sent = send(" ".join(f"{{PERSON:{name}}}" for name in names))
    assert len({substitute for _, _, substitute in sent.pairs}) == len(names)


def test_one_word_stands_for_one_word_alone() -> None:
    choices = Choices(KEY, "", Standing(), Trace())
    narrow = Words(choices, "narrow", lambda *_: ("Kappa", "Lambda"))
    made = [narrow.substitute(name, alias=False) for name in ("Jane", "Priya", "Olena", "Wei")]
    assert len(set(made)) == 4
    assert {"Kappa", "Lambda"} < set(made)


def test_entries_hold_no_original() -> None:
    sent = send("{PERSON:Jane Doe} {PERSON:Jane Doe} {PERSON:John Doe}")
    first, again, other = sent.substitution.entries
    assert first.digest == again.digest != other.digest
    assert len(first.digest) == 32
    assert first.shape == "a-:5-8"
    assert "Jane" not in repr(sent.substitution.entries)
    assert send("{PERSON:Jane Doe}", key=OTHER_KEY).substitution.entries[0].digest != first.digest


def test_shapes_say_little() -> None:
    assert shape("046 454 286") == "9-:9-12"
    assert shape("x" * 500) == "a:65+"
    assert shape("é1") == "a9:1-4"


@given(sent=prompts())
@settings(max_examples=200)
def test_no_original_is_left_and_all_substitutes_differ(sent: Prompt) -> None:
    request = send(sent)
    found: dict[str, str] = {}
    for type_, original, substitute in request.pairs:
        assert substitute != original
        assert found.setdefault(fold(substitute), fold(original)) == fold(original)
        if type_ is not EntityType.LOCATION:
            assert fold(original) not in fold(substitute)


@pytest.mark.parametrize("type_", EntityType)
@pytest.mark.parametrize(
    "value", ["x", "7", "é", "王", "\ud800", "-", "a" * 5000, "1" * 5000, "a@b", "1.2.3.4.5", "\u202e"]
)
def test_whatever_stands_in_an_entity_is_replaced_or_kept_and_comes_back(type_: EntityType, value: str) -> None:
    text = f"See ({value}) there."
    substitution = Substitution(KEY)
    substitution.read(text)
    entity = Entity(start=5, end=5 + len(value), type=type_, score=1.0, recognizer="drawn")
    out = substitution.substitute(text, [entity])
    assert substitution.restorer().restore(out) == text


def test_long_lists_take_linear_time() -> None:
    def seconds(size: int) -> float:
        marked = ", ".join(f"{{PHONE:514-{200 + n % 700}-{n:04d}}}" for n in range(size))
        asked = send(marked).prompt
        start = time.thread_time()
        substitution = Substitution(KEY)
        substitution.read(asked.text)
        substitution.substitute(asked.text, asked.entities)
        return time.thread_time() - start

    long, short = (min(seconds(size) for _ in range(3)) for size in (4000, 500))
    assert long < 20 * short  # eight times, but for neighbours


def test_a_link_keeps_its_encoded_signs_and_an_address_comes_back_from_one() -> None:
    sent = send("see {ACCOUNT_URL:https://x.ca/?email=jane%40acme.ca&tel=416%2D924%2D7731} of {EMAIL:jane@acme.ca}")
    assert re.findall("%..", sent.out) == ["%40", "%2D", "%2D"]
    address = sent.out.split()[-1]
    link = f"mailto:{address.replace('@', '%40')}"
    assert sent.substitution.restorer().restore(link) == "mailto:jane%40acme.ca"


def test_an_address_with_an_encoded_sign_has_a_substitute_with_one() -> None:
    for sign in ("%40", "&#64;", "&commat;"):
        substitute = one(f"EMAIL:jane.doe{sign}acme.ca")
        assert substitute.count(sign) == 1
        assert not {"jane", "doe", "acme"} & set(WORD.findall(substitute))


def test_a_family_comes_back_in_the_plural() -> None:
    sent = send("{PERSON:Jane Tremblay} and {PERSON:Luc Roy}")
    first, second = (sent.substitute_of(name).split()[-1] for name in ("Jane Tremblay", "Luc Roy"))
    families = [f"{name}es" if name.endswith(("s", "x", "z")) else f"{name}s" for name in (first, second)]
    restored = sent.substitution.restorer().restore(f"the {families[0]} and the {families[1]}")
    assert restored == "the Tremblays and the Roys"


def test_a_name_with_characters_as_escapes_has_the_substitute_of_the_name() -> None:
    assert one(r"PERSON:Ren\u00e9 Tremblay") == one("PERSON:René Tremblay")
