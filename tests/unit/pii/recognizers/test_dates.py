"""Dates of birth as Canadian records write them, with the word before, after, above or beside; and other dates."""

from collections.abc import Callable

import pytest

Find = Callable[..., list[tuple[str, str]]]


def births(find: Find, text: str) -> list[str]:
    return [value for kind, value in find(text) if kind == "DATE_OF_BIRTH"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("date of birth: 1984-03-02T00:00:00Z", "1984-03-02T00:00:00Z"),
        ("<patientBirthDate>1984-03-02</patientBirthDate>", "1984-03-02"),
        ("Date de naissance (aaaa-mm-jj)\n\n1984-03-02\n", "1984-03-02"),
        ("DOB: 03/MAR/1984", "03/MAR/1984"),
        ("naissance : 3.mars.1984", "3.mars.1984"),
        ("DDN 84 03 02", "84 03 02"),
        ("DDN 03/03/'84", "03/03/'84"),
        ("d/o/b 12.12.68", "12.12.68"),
        ("Date naiss. 12 déc. \u201968", "12 déc. \u201968"),
        ("né-e le 3 mars 1984", "3 mars 1984"),
        ("n. le 3 mars 1984 à Rouyn", "3 mars 1984"),
        ("Luc Roy (b. 1949) taught", "1949"),
        ("born on the 3rd day of March, 1984", "3rd day of March, 1984"),
        ("birth date? October the 20th, '61. Health", "October the 20th, '61"),
        ("né le trois mars mil neuf cent quatre-vingt-quatre à Laval", "trois mars mil neuf cent quatre-vingt-quatre"),
        ("date of birth fourth of May nineteen ninety-six.", "fourth of May nineteen ninety-six"),
        ("née le 1er mai deux mille un", "1er mai deux mille un"),
        ("born in nineteen forty-nine in Moncton", "nineteen forty-nine"),
        ("March 3, 1984 is my date of birth", "March 3, 1984"),
        ("le 12 mars 1984 est sa date de naissance", "12 mars 1984"),
        ("On March 3, 1984, Verna Tootoo was born in Inuvik", "March 3, 1984"),
        ("nom / no / né(e)\nA / 1 / 5 mars 1971\nB / 2 / 2 février 1988", "2 février 1988"),
        ("carte santé N.-É. 0091 491 177   1er avril 1944", "1er avril 1944"),
        ("Roy, Luc / 30-11-1977 / ROYL 7761 3022 / migraine", "30-11-1977"),
        ('Calcule l\'âge au 1er janvier 2027 :\n"A B","2009-12-27"\n"C D","2011-04-08"', "2011-04-08"),
        ("how old will each be?\nAnn; 2011-04-08\nBob; 2009-12-27", "2009-12-27"),
        ("patient, 46 y/o, 1980-04-12, toux", "1980-04-12"),
        ("M. Roy, 1980-04-12, âgé de 46", "1980-04-12"),
        ("Roy, 12 April 1980, age 46", "12 April 1980"),
        ("femme, 3 mars 1984, suivie", "3 mars 1984"),
        ("daughter, Ella Roy, Kids: Rowan 2014-07-19, Isla (2017-12-03).", "2017-12-03"),
        ("AISSATOU   spouse   14 FEB 1990\n", "14 FEB 1990"),
        ("Pt: J. Smith, 45M, 1979/03/22", "1979/03/22"),
        ("DOB 1962, 14 June", "1962, 14 June"),
        ("dob 14/VI/1962", "14/VI/1962"),
        ("Age/DOB: 39 / 04/19/1985", "04/19/1985"),
        ("OKAFOR C  11APR62  M  HCN 4427093184", "11APR62"),
        ("BEAULNE, YVON | 47/02/11 | BEAY47021119", "47/02/11"),
        ("Tina K., 17 (2009-05-11), missing", "2009-05-11"),
        ("Correct the DOB from 1979-03-22 to 1979-03-27.", "1979-03-27"),
        ("lists my birth date as 1969-10-03; it should read 1969-03-10.", "1969-03-10"),
        ("le bracelet montre 1931-04-04 au lieu de 1931-04-14", "1931-04-04"),
        ("the licence says 1980-11-01, the passport 1980-11-11; which birth date?", "1980-11-01"),
        ("birthday?\nClient: the ninth of January, sixty-six", "ninth of January, sixty-six"),
        ("chus né en 58, le 3 mars, à Amqui", "58, le 3 mars"),
        ("Le 19 avril 1985 naissait Julie", "19 avril 1985"),
        ('"ne_le":"1979-11-23"', "1979-11-23"),
        ("YOB: 1979", "1979"),
        ("PID|1||483^^^||ROE^JANE||19840302|F|", "19840302"),
    ],
)
def test_a_date_of_birth_is_found_however_a_record_writes_it(find: Find, text: str, date: str) -> None:
    assert date in births(find, text)


@pytest.mark.parametrize(
    "text",
    [
        "les fêtes, retour le 6 janvier",
        "fête du Canada le 1er juillet",
        "anniversaire de mariage : 3 mars 1984",
        "DOB not given, admitted 2024-03-05",
        "né à Laval, vu le 3 mars 2024",
        "seen 2024-03-05, 46 yo",
        "the second of December we meet; nineteen people came in two thousand and three",
        "invoice / date / total\n1 / 2019-03-04 / 20",
        "health card 0091 491 177   renewed 2019-04-01",
        "emp,last,sin,start\n417,Roy,130 692 544,2019-04-01\n",
        "a. 2023 results b. 1984 results",
        "the age of steam ended on 3 March 1960",
        "Seniors born before 1957, or between 1985 and 1990; les personnes nées avant 1957",
        "taux de naissances 2019: 84 300",
        "born to run, 1975 album",
        "The invoice says 2019-04-01 instead of 2019-04-11.",
        "Kids menu 2019-11-20; children's camp runs 2019-07-06",
        "born June 14, 1992 ; validate that dob is before 2024-01-01".partition(" ; ")[2],
        "birthday cake order 118820",
        "the customer was born to win; call 2 January",
    ],
)
def test_a_date_of_something_else_is_not(find: Find, text: str) -> None:
    assert births(find, text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("voyageur / document\nInga / canadien HT508316", "HT508316"),
        ("Traveller: Jane Roe, nationality CAN, AB123456", "AB123456"),
        ("our travellers: Ann AB123456 and Bob P123456AA", "P123456AA"),
    ],
)
def test_a_passport_is_one_by_its_layout_where_people_travel(find: Find, text: str, value: str) -> None:
    assert ("PASSPORT", value) in find(text)


def test_the_lines_a_machine_reads_are_one_passport(find: Find) -> None:
    lines = "P<CANROE<<JANE<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<\nAB123456<4CAN8403021F3103024<<<<<<<<<<<<<<06"
    assert find(lines) == [("PASSPORT", lines)]


@pytest.mark.parametrize("text", ["part AT508316 in stock", "sku F047182LN", "lot HT508316 shipped"])
def test_a_part_laid_out_like_a_passport_is_none(find: Find, text: str) -> None:
    assert find(text) == []
