"""Commands that are given a password as one of their words, by the name that stands in their line."""

import re
from collections.abc import Mapping
from typing import Final

_WORD = r"[\"']?([^\s\"'$<>]{4,128})"
_DASH_P = re.compile(rf"(?<= )-p[ =]?{_WORD}")

# Calls that are given who and by what.
CALLS: Final = frozenset(
    "pdo mysqli mysqli_connect getconnection httpbasicauth networkcredential basicauth auth login connect "
    "createconnection usernamepasswordcredential passwordauthentication".split()
)
CALL: Final = re.compile(  # `new PDO($dsn, "web", "…")`, `auth=("jroy", "…")`
    r"\w{0,24} ?=? ?\((?:[^()\n\"']{0,80}(?:[\"'][^\"'\n]{0,80}[\"'])?, ?)?[\"'][\w.@\\-]{1,64}[\"'], ?"
    r"[\"']((?=[^\"'\n]{0,63}[^A-Za-z\"'\n_. -])[^\"'\n ]{5,64})[\"'] ?[,)]"
)
# The names are cues: a pattern is looked for in the line of its own.
COMMANDS: Final[Mapping[str, re.Pattern[str]]] = {
    "curl": re.compile(r"(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,64}:([^\s\"'$]{4,128})"),
    "sshpass": re.compile(rf"sshpass -p ?{_WORD}"),
    "docker login": re.compile(rf"docker login [^\n]{{0,80}}?-p[ =]?{_WORD}"),
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin"), re.compile(rf"(?<= )-p{_WORD}")),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "az login"), _DASH_P),
    "sqlcmd": re.compile(rf"(?<= )-P ?{_WORD}"),
    "redis-cli": re.compile(rf"(?<= )-a ?{_WORD}"),
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami"), re.compile(rf"(?<= )-w ?{_WORD}")),
    "openssl": re.compile(rf"(?<= )(?:-k |-(?:pass(?:in|out)?|passphrase) pass:){_WORD}"),
    "net use": re.compile(rf"/user:[^\s]{{1,64}} {_WORD}"),
    "net user": re.compile(r"(?i:net user) [\w.\\-]{1,64} [\"']?([^\s\"'$/<>*]{4,128})"),
    "smbclient": re.compile(r"-U ?[\"']?[\w.\\@-]{1,64}%([^\s\"'$]{4,128})"),
    "htpasswd": re.compile(rf"htpasswd -\w*b\w* [^\s]{{1,80}} [\w.-]{{1,64}} {_WORD}"),
    "chpasswd": re.compile(r"[\"' ][\w.-]{1,64}:([^\s\"'$|]{4,128})[\"']? ?\|"),
    **dict.fromkeys(("7z", "7za", "7zip"), re.compile(rf"(?<= )-p{_WORD}")),
    "unzip": re.compile(rf"(?<= )-P ?{_WORD}"),
    "wpa_passphrase": re.compile(rf"wpa_passphrase [^\s]{{1,40}} {_WORD}"),
    "wifi": re.compile(r"(?:wifi|WIFI):[^\n]{0,80}?P:([^;\n]{4,64});"),  # of a QR code
    "oracle": re.compile(r"oracle:thin:[\w-]{1,64}/([^\s@/]{4,128})@"),
    "sqlplus": re.compile(r"[\w-]{1,64}/([^\s@/]{4,128})@"),
}
