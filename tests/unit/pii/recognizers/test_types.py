"""Every type of the product in the layouts people write, English and French, and what only looks like one."""

from collections.abc import Callable

import pytest

Find = Callable[..., list[tuple[str, str]]]

FOUND = [
    ("write to jane.o'neil+tag@mail.acme.ca today", "EMAIL", "jane.o'neil+tag@mail.acme.ca"),
    ("jane.doe[at]acme[dot]example", "EMAIL", "jane.doe[at]acme[dot]example"),
    ("jane.doe arobase acme point example", "EMAIL", "jane.doe arobase acme point example"),
    ("514 \u2013 555 \u2013 0143", "PHONE", "514 \u2013 555 \u2013 0143"),
    ("my number here's five eight seven, 555, 0161, thanks", "PHONE", "five eight seven, 555, 0161"),
    (
        "and a phone?\ncaller: two eight nine, five five five, oh one six three",
        "PHONE",
        "two eight nine, five five five, oh one six three",
    ),
    ("carte soleil TREF 6555 1206. Annuler: 5795550116", "PHONE", "5795550116"),
    ("438-555-0104; RAMQ TSHM74602213", "PHONE", "438-555-0104"),
    ("ssh root@203.0.113.7", "IP", "203.0.113.7"),
    ("blocked 203.0.113[.]7", "IP", "203.0.113[.]7"),
    ("range 203.0.113.10-203.0.113.20", "IP", "203.0.113.20"),
    ("lost her SIN card. Her number is 130 692 544.", "SIN", "130 692 544"),
    ("T4 - CASE 12 130692544 CASE 14 61 880,00", "SIN", "130692544"),
    ("SSN/SIN: 412-55-7781", "SSN", "412-55-7781"),
    ("SS number 219099999", "SSN", "219099999"),
    ("9123 456 789 is my PHN", "HEALTH_NUMBER", "9123 456 789"),
    ("PHN for the mother is 9123 456 789 and the newborn's is 9876 543 210", "HEALTH_NUMBER", "9876 543 210"),
    ("Health Card Number\n5584486674KD", "HEALTH_NUMBER", "5584486674KD"),
    ("HC card N1048836", "HEALTH_NUMBER", "N1048836"),
    ("Votre NISP manitobain (733 048 216)", "HEALTH_NUMBER", "733 048 216"),
    ("son assurance maladie; Omer (294 718 063, N.-B.)", "HEALTH_NUMBER", "294 718 063"),
    ("7654321 (BC driver's licence)", "DRIVER_LICENCE", "7654321"),
    ("Passagers : Ahmed (12-11-1979, AP204118)", "PASSPORT", "AP204118"),
    ("deposit to 003-00412-1029384", "BANK_ACCOUNT", "003-00412-1029384"),
    ("Steinbach credit union 0412-88-110753", "BANK_ACCOUNT", "0412-88-110753"),
    ("https://a.example/mon-compte/84213", "ACCOUNT_URL", "https://a.example/mon-compte/84213"),
    (
        "https://a.example/reinit/cfed8082c97c8e72864370c0ffee0179?x=1",
        "ACCOUNT_URL",
        "https://a.example/reinit/cfed8082c97c8e72864370c0ffee0179?x=1",
    ),
    ("jane [at] acme [dot] ca", "EMAIL", "jane [at] acme [dot] ca"),
    ("Téléphone : 514 555-0199 poste 23", "PHONE", "514 555-0199 poste 23"),
    ("call (416) 555-0123 x12 now", "PHONE", "(416) 555-0123 x12"),
    ("reach me at 4165550123", "PHONE", "4165550123"),
    ("+44 20 7946 0958", "PHONE", "+44 20 7946 0958"),
    ("son numéro: tél. 06 12 34 56 78", "PHONE", "06 12 34 56 78"),
    ("SSN 219-09-9999", "SSN", "219-09-9999"),
    ("her social security number is 219099999", "SSN", "219099999"),
    ("card 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
    ("carte 3782-822463-10005", "CREDIT_CARD", "3782-822463-10005"),
    ("5555555555554444", "CREDIT_CARD", "5555555555554444"),
    ("from 203.0.113.7:443", "IP", "203.0.113.7"),
    ("from 2001:db8:85a3::8a2e:370:7334", "IP", "2001:db8:85a3::8a2e:370:7334"),
    ("NAS : 046-454-286", "SIN", "046-454-286"),
    ("my SIN is 130692544", "SIN", "130692544"),
    ("it is 130 692 544 there", "SIN", "130 692 544"),
    ("OHIP 9876-543-217-XY", "HEALTH_NUMBER", "9876-543-217-XY"),
    ("carte soleil TREM 8551 2345", "HEALTH_NUMBER", "TREM 8551 2345"),
    ("TREM85512345", "HEALTH_NUMBER", "TREM85512345"),
    ("PHN 9123 456 789", "HEALTH_NUMBER", "9123 456 789"),
    ("Alberta health care number: 12345-6789", "HEALTH_NUMBER", "12345-6789"),
    ("MCP 123 456 789 012", "HEALTH_NUMBER", "123 456 789 012"),
    ("à Montréal H2X 1K4", "POSTAL_CODE", "H2X 1K4"),
    ("k1a 0b1", "POSTAL_CODE", "k1a 0b1"),
    ("Albany NY 12207", "POSTAL_CODE", "12207"),
    ("at 123 Main Street West, Apt 4 today", "ADDRESS", "123 Main Street West, Apt 4"),
    ("au 1455, boul. De Maisonneuve O., app. 302, Montréal", "ADDRESS", "1455, boul. De Maisonneuve O., app. 302"),
    ("12 rue des érables", "ADDRESS", "12 rue des érables"),
    ("#204-1550 West 8th Avenue", "ADDRESS", "204-1550 West 8th Avenue"),
    ("PO Box 1234", "ADDRESS", "PO Box 1234"),
    ("Unit 7194 Box 5854\nDPO AE 73472", "ADDRESS", "Unit 7194 Box 5854\nDPO AE 73472"),
    ("in Via Tasso 129, Napoli", "ADDRESS", "Via Tasso 129"),
    ("wohnt Bahnhofstrasse 5 in Bern", "ADDRESS", "Bahnhofstrasse 5"),
    ("RR 2, Site 5", "ADDRESS", "RR 2, Site 5"),
    ("date of birth: March 3rd, 1990", "DATE_OF_BIRTH", "March 3rd, 1990"),
    ("née le 14 février 1985", "DATE_OF_BIRTH", "14 février 1985"),
    ("nee le 14/02/1985", "DATE_OF_BIRTH", "14/02/1985"),
    ("born in 1962", "DATE_OF_BIRTH", "1962"),
    ("M. Roy, 1980-04-12 (46 ans)", "DATE_OF_BIRTH", "1980-04-12"),
    ("Roy, Luc | M | 12/04/1980 | 3B", "DATE_OF_BIRTH", "12/04/1980"),
    ("the request came from 24.174.235.91", "IP", "24.174.235.91"),
    ("the request came from 24.6.26.1.", "IP", "24.6.26.1"),
    ("nameserver 8.8.8.8", "IP", "8.8.8.8"),
    ("order placed from 24.174.235.91", "IP", "24.174.235.91"),
    ("direct deposit 00412-003-1029384", "BANK_ACCOUNT", "00412-003-1029384"),
    ("transit 12345", "BANK_ACCOUNT", "12345"),
    ("routing 021000021", "BANK_ACCOUNT", "021000021"),
    ("⑆12345⑉003⑆ 1234567⑈", "BANK_ACCOUNT", "⑆12345⑉003⑆ 1234567⑈"),
    ("IBAN GB29 NWBK 6016 1331 9268 19 please", "IBAN", "GB29 NWBK 6016 1331 9268 19"),
    ("gb29nwbk60161331926819", "IBAN", "gb29nwbk60161331926819"),
    ("passeport HB123456", "PASSPORT", "HB123456"),
    ("Passport No. P123456AA", "PASSPORT", "P123456AA"),
    ("permis de conduire G1234-567890-12", "DRIVER_LICENCE", "G1234-567890-12"),
    ("A1234-56789-01234", "DRIVER_LICENCE", "A1234-56789-01234"),
    ("BC driver's licence 1234567", "DRIVER_LICENCE", "1234567"),
    ("mot de passe : Hiver2024!", "SECRET", "Hiver2024!"),
    ("NIP: 4821", "SECRET", "4821"),
    ("the token ghp_16C7e42F292c6912E7710c838347Ae178B4a", "SECRET", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("postgres://app:s3cr3t-pw@db.acme.ca/x", "SECRET", "s3cr3t-pw"),
    (
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "SECRET",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    (
        "see https://portal.acme.ca/clients/84213/profile.",
        "ACCOUNT_URL",
        "https://portal.acme.ca/clients/84213/profile",
    ),
    ("TOOTOO, Levi / 06-JUN-1991 / MB PHIN 482 917 336", "DATE_OF_BIRTH", "06-JUN-1991"),
    ("PATIENT\nNE LE : 3 FEV 1984", "DATE_OF_BIRTH", "3 FEV 1984"),
    ("dob 1994, May 16", "DATE_OF_BIRTH", "1994, May 16"),
    ("a 34-year-old driver from Dauphin (12 Aug 1992).", "DATE_OF_BIRTH", "12 Aug 1992"),
    ("née le 6 janv. 1987", "DATE_OF_BIRTH", "6 janv. 1987"),
    ("né le 6 févr. 1987", "DATE_OF_BIRTH", "6 févr. 1987"),
    ("DOB May 4/71", "DATE_OF_BIRTH", "May 4/71"),
    ("hc NU 103 455 872; then 867-555-0142", "PHONE", "867-555-0142"),
    ("inst. 006, trans. 10851, cpte 1234567", "BANK_ACCOUNT", "10851"),
    ("Care Card 9123 456 789", "HEALTH_NUMBER", "9123 456 789"),
    ("le mot de passe c'est Soleil#44", "SECRET", "Soleil#44"),
    ("DL MAN PE-NN-ER-H214KL", "DRIVER_LICENCE", "PE-NN-ER-H214KL"),
    ("permis N.-B. 3907162 vu", "DRIVER_LICENCE", "3907162"),
    ('"4471829","BC class 5"', "DRIVER_LICENCE", "4471829"),
    ("my Alberta health card, number is 50372-8146", "HEALTH_NUMBER", "50372-8146"),
    ("numéro de carte santé du Manitoba (918 274 603)", "HEALTH_NUMBER", "918 274 603"),
    ("PEI HC 48291736, seen", "HEALTH_NUMBER", "48291736"),
    ("ses cartes santé : Nouvelle-Écosse 0091 491 177", "HEALTH_NUMBER", "0091 491 177"),
    ("the mother (204 555 0187). PHIN unknown", "PHONE", "204 555 0187"),
    ("Appraiser Feld, 807/555-0121.", "PHONE", "807/555-0121"),
    ("Refs: 1) Barry Okemaw, 204.555.0123 2) Simone", "PHONE", "204.555.0123"),
    ("des NAS, dont celui de sa sœur (130-692-544).", "SIN", "130-692-544"),
    ("landlord needs ur sin for a check, u told me yesterday 130692544 right", "SIN", "130692544"),
    ("Nos passeports sont prêts\nMoi : 130 692 544", "SIN", "130 692 544"),
    ("nos passeports, le mien HT 194 605", "PASSPORT", "HT 194 605"),
    ("my old one is UA21 399622 0000026007233566001", "IBAN", "UA21 399622 0000026007233566001"),
    ('access_key    = "ASIAUPTAZNOTAKEYHYIQ"', "SECRET", "ASIAUPTAZNOTAKEYHYIQ"),
    ("Mot de passe temporaire : Tire-Sainte-Catherine#25", "SECRET", "Tire-Sainte-Catherine#25"),
    ("she read her password out loud on the call (Caribou!Sled_2291)", "SECRET", "Caribou!Sled_2291"),
    ('cidr  = "206.248.171.4/32"', "IP", "206.248.171.4"),
    ("see https://nuage.example/p/URyopZN0taKEYYZJ4rdw", "ACCOUNT_URL", "https://nuage.example/p/URyopZN0taKEYYZJ4rdw"),
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND, ids=[f"{kind}: {value[:24]}" for _, kind, value in FOUND])
def test_a_value_is_found_whole_and_as_what_it_is(find: Find, text: str, kind: str, value: str) -> None:
    assert (kind, value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "order #100200300, invoice 2023-00412, tracking 1Z999AA10123456784",
        "ISBN 978-0-306-40615-7 and ticket 123456789",
        "2023 ONSC 4512 (CanLII), part no. 123-456-789, version 10.2.3.4",
        "See section 2.1.3.1 and 3.2.1.4 of the standard.",
        "Total 1 234 567,89 $ for 42 units at 15:30 on 2026-11-21",
        "blood pressure 120/80, BP 120/80, 250 mg twice a day",
        "it takes 15 minutes way down the road, unit 5 of the course",
        "pi is 3.14159265358979 and e is 2.718281828",
        "std::vector<int> a[1::2] @dataclass user@ @property",
        "password = get_password(); token: str = self.token; secret: ${SECRET}",
        "the password must be at least eight characters; reset your password here",
        "https://docs.python.org/3/library/re.html and https://github.com/python/cpython",
        "git@github.com:python/cpython.git 127.0.0.1 0.0.0.0 ::1",
        "je ne le sais pas; il ne vient pas avant midi",
        "on ne le verra pas avant le rendez-vous du 12/03/2026",
        "rendez-vous le 12/03/2026 et le 2026-04-01",
        "the patient was seen in Montréal (12 Aug 2024)",
        "first published in Paris (3 March 1984)",
        "a mask of 000-000-000 and 111 111 111",
        "the board of Ontario 12345678 kept minutes",
        "the password (see section four) is yours to choose",
        "permis de construction 2024-118432, licence RBQ : 5678-1234-01, fishing licence 1234567",
        "order 219-09-9999 and part 219-09-9999 rev B",
        "Budget 2026-2027, poste 5120-00; poste 5130-10",
        "call one, two, three, four, five, six, seven of them",
        "the office: five to seven people, nine desks; call seven, eight, nine",
        "phone five five five twelve",
        "https://github.com/acme/repo/blob/9f8e7d6c5b4a39281706f5e49f8e7d6c5b4a3928/src/x.py",
        "OHIP covers 12345 services; MCP server version 2025-06-18; pp. 118-120",
        "550e8400-e29b-41d4-a716-446655440000 d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_what_only_looks_like_personal_data_is_left_alone(find: Find, text: str) -> None:
    assert find(text) == []


def test_the_heading_of_a_column_names_the_cells_below_it(find: Find) -> None:
    text = "name,sin,phone,dob,order\n" + "".join(
        f"Row {row},046454286,514398445{row},1980-01-0{row + 1},100200300\n" for row in range(5)
    )
    kinds = [kind for kind, _ in find(text)]
    assert kinds == ["SIN", "PHONE", "DATE_OF_BIRTH"] * 5


def test_a_private_key_is_one_secret_from_its_first_line_to_its_last(find: Find) -> None:
    body = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"] * 200)
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert find(f"here:\n{block}\nthanks") == [("SECRET", block)]


def test_in_code_keys_are_found_and_addresses_are_not(find: Find) -> None:
    text = "```\ncity = '12 Main Street'\nkey = 'AKIAIOSFODNN7EXAMPLE'\n```\nsend to 34 Elm Street"
    assert find(text) == [("SECRET", "AKIAIOSFODNN7EXAMPLE"), ("ADDRESS", "34 Elm Street")]
