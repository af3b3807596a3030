"""Secrets by shape, by what opens, by command and by vendor; and what only resembles one."""

from collections.abc import Callable

import pytest

from services.pii.recognizers.secrets.shapes import strength, trim

Find = Callable[..., list[tuple[str, str]]]


@pytest.mark.parametrize("value", ["Hiver2024!", "P@ssw0rd", "Sapin#2291", "sapin-2031!neige", "A1b2c3$"])
def test_letters_digits_and_a_mark_are_a_password_wherever_they_stand(value: str) -> None:
    assert strength(value) == 2


@pytest.mark.parametrize("value", ["Nordiques95", "maple88rink", "Sirop_d-Erable7", "bluejays92", "Caribou!Sled"])
def test_letters_with_digits_may_be_one_where_a_word_says_so(value: str) -> None:
    assert strength(value) == 1


@pytest.mark.parametrize(
    "value",
    """sapin Office365 Windows11 SHA256 INC0012345 Q3-2024 user_password2 DB_PASSWORD2 report2024.pdf jroy@acme.ca
    2024-05-06 24h 12e https://a.ca/b2 x=1 $HOME2 srv-2024 room12 f(x2) a/b2 100% T2200""".split(),
)
def test_words_products_tickets_files_and_names_of_code_are_none(value: str) -> None:
    assert strength(value) == 0


def test_the_marks_of_a_sentence_are_no_part_of_a_password() -> None:
    text = 'is "Hiver2024!", and'
    start, end = trim(text, 3, 16)
    assert text[start:end] == "Hiver2024!"


FOUND = [
    ("le code pour entrer est 4821", "4821"),
    ("mon NIP est le 4821", "4821"),
    ("her debit card PIN (4402) was written down", "4402"),
    ("Her PIN was changed from 4402 to 7719.", "4402"),
    ("For the lockbox at the cottage use 7719.", "7719"),
    ("code d'accès de l'immeuble 4821", "4821"),
    ("Code porte arrière 9034", "9034"),
    ("side door: 4471#", "4471#"),
    ("combinaison du coffre : 34-12-28", "34-12-28"),
    ("Votre code : 903412. Ne le partagez pas.", "903412"),
    ("Use code 903412 to verify your account", "903412"),
    ("code: 482193 (2FA)", "482193"),
    ("Bot: Enter your PIN.\ndave: 4471", "4471"),
    ("OTP secret JBSW Y3DP EHPK 3PXP", "JBSW Y3DP EHPK 3PXP"),
    (
        "clé BitLocker 482193-119283-553321-009384-221133-445566-778899-112233",
        "482193-119283-553321-009384-221133-445566-778899-112233",
    ),
    ("SSID AcmeGuest, key welcome123", "welcome123"),
    ("Wi-Fi: AcmeGuest / Bienvenue2024", "Bienvenue2024"),
    ("WIFI:T:WPA;S:AcmeGuest;P:maple88rink;;", "maple88rink"),
    ("PHPSESSID=el4ukv0kqbvoirg7nkp4dncpk3", "el4ukv0kqbvoirg7nkp4dncpk3"),
    ("login jroy / Hiver2024!", "Hiver2024!"),
    ("jroy@acme.ca:Hiver2024!", "Hiver2024!"),
    ("default creds are admin/admin123", "admin123"),
    ("Mot de passe\nHiver2024!", "Hiver2024!"),
    ("his password, Hiver2024!, was in the ticket", "Hiver2024!"),
    ("le mdp du serveur de paie, c'est Nordiques95", "Nordiques95"),
    ("Nordiques95! is the new password", "Nordiques95!"),
    ("I keep typing Winter2023$ and it says invalid password", "Winter2023$"),
    ("The PDF is encrypted with Nordiques95", "Nordiques95"),
    ("the alarm company asks for a password = Marmalade\n", "Marmalade"),
    ("virement Interac 450 $, réponse : castor", "castor"),
    ("Agent: and the verbal password on the account? Caller: marigold.", "marigold"),
    ("Rep: the answer to your security question?\nClient: Duckworth", "Duckworth"),
    ("user | password\njroy | Hiver2024!\nmlee | Ete#2023", "Ete#2023"),
    ('$pdo = new PDO($dsn, "web", "c0lombe-Grise!");', "c0lombe-Grise!"),
    ("requests.get(url, auth=('svc', 'Wr4ngler88'))", "Wr4ngler88"),
    ("define('DB_PASSWORD', 'Wr4ngler-88');", "Wr4ngler-88"),
    ("net use Z: \\\\srv\\rh /user:jroy Hiver2024!", "Hiver2024!"),
    ("ldapsearch -D cn=admin -w Hiver2024! -b dc=acme", "Hiver2024!"),
    ("10.0.0.4:5432:rh:app:Hiver2024!", "Hiver2024!"),
    ("sqlserver://sa:P@ssw0rd1@db:1433", "P@ssw0rd1"),
    (
        "hash $2b$12$N0taKEYN0taKEYN0taKEYuN0taKEYN0taKEYN0taKEYN0taKEYN0t",
        "$2b$12$N0taKEYN0taKEYN0taKEYuN0taKEYN0taKEYN0taKEYN0taKEYN0t",
    ),
    ("the key EZAKN0taKEYN0taKEYN0taKEYN0taKEYN0taKEY12 leaked", "EZAKN0taKEYN0taKEYN0taKEYN0taKEYN0taKEY12"),
    ("unheard N0taq7Lw2x9Zb3mK84fT1vRt of", "N0taq7Lw2x9Zb3mK84fT1vRt"),
    ("mailchimp 0c0ffee00c0ffee00c0ffee00c0ffee0-us21", "0c0ffee00c0ffee00c0ffee00c0ffee0-us21"),
    (
        "post to https://acme.webhook.office.com/webhookb2/1111-22@33/IncomingWebhook/n0takey1234/5555 now",
        "https://acme.webhook.office.com/webhookb2/1111-22@33/IncomingWebhook/n0takey1234/5555",
    ),
]


@pytest.mark.parametrize(("text", "value"), FOUND, ids=[value[:24] for _, value in FOUND])
def test_what_opens_something_is_a_secret(find: Find, text: str, value: str) -> None:
    assert ("SECRET", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "error code 500123; the activity code is 4821; cost code: 4410-118; code postal, code civil, article 1457",
        "the code is 4821 here; the code for the project is 4821; code of the course: 4821",
        "The door: 204; porte 7 : 2e étage; fire door: 1200 x 2100, code-rated",
        "The alarm was 4821 seconds late; the buzzer went off at 1430",
        "Your code is clean but 4821 lines is too long; combo box 12 items",
        "Bot: Choose 1 to 4.\nuser: 3",
        "Login: use SSO / Okta; user: agent/Mozilla5.0; Admin: server01 / rack 12",
        "Password: Required\nMot de passe : Obligatoire\npassword: String\n",
        "Reset password\nClick the button below",
        'login("user", "page2"); connect("localhost", "5432"); auth=("basic", "none")',
        "L'e-transfer a été refusé, la réponse était incorrecte.",
        "Interac: the security answer must be 3 to 25 characters",
        "Mot de passe oublié? invalid password for user 48213",
        "docker run -p 8080:80 nginx:1.25; ssh -p 2222 host1; mysql -h db -P 3306 -u root -p",
        "TestCaseRunner2024ConfigurationManagerV2Impl key-value-store-implementation-2024-version-1",
        'integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"',
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 01HV8Z3X7QK2M9W4R5T6Y7B8N0",
        "wifi: canal 36 / bande 5GHz; SSID: Acme-Corp-5G; wifi: MapleNet5G / pw to follow",
    ],
)
def test_what_only_resembles_one_is_left_alone(find: Find, text: str) -> None:
    assert [one for one in find(text) if one[0] == "SECRET"] == []
