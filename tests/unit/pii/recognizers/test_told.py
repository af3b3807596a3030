"""Secrets in every form they are told in: files, chats, answers, lists, commands; and what only talks of them."""

from collections.abc import Callable

import pytest

Find = Callable[..., list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<password>Hiver2024</password>", "Hiver2024"),
        ('<add key="Password" value="Hiver2024!"/>', "Hiver2024!"),
        ("jdbc:mysql://h/db?user=a&password=Hiver2024&ssl=true", "Hiver2024"),
        ("export DB_PASSWORD=correcthorse\n", "correcthorse"),
        ("Authorization: ApiKey 4f9d8a7c6b5e4d3c2b1a", "4f9d8a7c6b5e4d3c2b1a"),
        ("mdp serveur impression : Hiver-88xk", "Hiver-88xk"),
        ("log in with password @*K8QXtzzPW; the docs", "@*K8QXtzzPW"),
        ("password for the VPN: Hiver2024!", "Hiver2024!"),
        ("Wi-Fi key (guests) = Moose&Maple88", "Moose&Maple88"),
        ("wifi bureau : castor4fois", "castor4fois"),
        ("voicemail password 7781", "7781"),
        ("code de boîte vocale : 4821", "4821"),
        ("code d'accès : K7P2-94X", "K7P2-94X"),
        ("482913 is your verification code", "482913"),
        ("bot 123456789:AAF0taKEYxx0taKEYxx0taKEYxx0taKEYx1", "123456789:AAF0taKEYxx0taKEYxx0taKEYxx0taKEYx1"),
        (
            "AKIAAOJP7NOTAKEY6DQ6 et q6N0taKEYqi2UIz/9toas7q+aqgSfH3/Rcj5Udq3",
            "q6N0taKEYqi2UIz/9toas7q+aqgSfH3/Rcj5Udq3",
        ),
        ("[13:02] Max: t'as le mdp du wifi?\n[13:03] Sok: sapin-2031!neige\n", "sapin-2031!neige"),
        ("bot: the last password you recall?\ncustomer: Bluebird1931$\nbot: thanks", "Bluebird1931$"),
        ("Q. Votre mot de passe? R. Sapin#2291.", "Sapin#2291"),
        ("Le mdp root est toujours celui du manuel, « Sapin-Rouge09 », hélas", "Sapin-Rouge09"),
        ("ton mot de passe, c'est ta fête! change Renard1961 svp", "Renard1961"),
        ("password changed from Hiver2023! to Ete2024!!", "Hiver2023!"),
        ("backup codes: 4821-9931, 1102-3321, 8870-1234", "8870-1234"),
        ("Codes de secours :\n- 48219931\n- 11023321\n", "11023321"),
        ("Question secrète : nom du chat? Réponse : Moustache", "Moustache"),
        ("Security question: first street\nAnswer: Duckworth\n", "Duckworth"),
        ("security answer: Moustache", "Moustache"),
        (
            "seed phrase: apple river stone cloud maple tiger ocean lamp chair window bread night",
            "apple river stone cloud maple tiger ocean lamp chair window bread night",
        ),
        ("passphrase: cheval batterie agrafe correcte", "cheval batterie agrafe correcte"),
        ("curl -u alice:Hiver2024! https://api.acme.ca", "Hiver2024!"),
        ("sshpass -p 'Hiver2024!' ssh host", "Hiver2024!"),
    ],
)
def test_a_secret_is_found_however_it_is_told(find: Find, text: str, value: str) -> None:
    assert ("SECRET", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "To hash a password, use SHA256 or Argon2id; from Office365 to Windows11",
        "the password policy: minimum 12 characters, password expiry: 2026-12-31",
        "gestionnaire de mots de passe : 1Password",
        "Wi-Fi 802.11ax is fast, wifi : en panne, wifi network: acme-guest-21",
        "forgot password?\nClick the link below to reset",
        "mot de passe oublié?\n2026-11-19 10:22 rien",
        "PASSWORD=$DB_PASSWORD\nSECRET=${X}\nTOKEN=\nPASSWORD=changeme\nDB_PASSWORD=None\n",
        "password field: user_password2",
        "question: how are you? answer: fine; Réponse : oui, demain",
        "the security answer is stored hashed",
        "backup codes are printed on paper; recovery codes: see page 12",
        "passphrase: must be at least twenty characters long",
        "seed phrase: keep it safe and tell nobody",
        "le mot de passe doit avoir un chiffre et dix lettres",
        "code postal, code de conduite, code 4410, access code: see intranet",
        "docker run -p 443:443 nginx; mkdir -p build2024; curl -u $USER:$PASS https://x",
        "mysql://compta:{mdp}@bd:3306/compta",
        "git commit 9f8e7d6c5b4a39281706f5e49f8e7d6c5b4a3928",
    ],
)
def test_what_only_talks_of_secrets_is_left_alone(find: Find, text: str) -> None:
    assert [one for one in find(text) if one[0] == "SECRET"] == []
