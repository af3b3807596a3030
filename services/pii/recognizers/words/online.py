"""What names a person on a network: e-mail addresses, IPv6 addresses, URLs that bear an account."""

import re
from ipaddress import IPv6Address

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.secrets.vendors import is_random

_LOCAL = re.compile(r"[\w.%+\-'/=#$&*!^~]{0,64}$")
_DOMAIN = re.compile(r"[A-Za-z0-9_\u00c0-\uffff](?:[\w\-]{0,62})(?:\.[\w\-]{1,63}){0,8}")
_HOST_LITERAL = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f:.]{3,45}\]")
_OBFUSCATED = re.compile(
    r"(?<![\w.])([\w.+\-]{1,64}) ?(?:[\[({<] ?(?:at|arobase|a) ?[\])}>]| (?:at|arobase) (?=[\w\-]{1,63} (?:dot"
    r"|point) )| @ ) ?"
    r"([\w\-]{1,63}(?: ?(?:[\[({<] ?(?:dot|point) ?[\])}>]| (?:dot|point) | \. |\.) ?[A-Za-z][\w\-]{1,62}){1,4})(?!\w)",
    re.IGNORECASE,
)
_ENCODED = re.compile(  # as in forms and in HTML
    r"(?<![\w.%&])[\w.+\-]{1,64}(?:%40|&#0*64;|&#x40;|&commat;)[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}", re.IGNORECASE
)
_SIGNS = ("%40", "64;", "#x40;", "&commat;")
_LAST_WORD = re.compile(r"(\w+)\W{0,2}$")
_SPREAD = ("(at)", "[at]", "{at}", "(a)", "(arobase)", "[arobase]", " @ ", " dot ", " point ")
_MACHINES = frozenset({"git", "hg", "svn"})
_REST = re.compile(r"[^\s<>\"'`\\{}|^]{3,2000}")
_SCHEMES = ("https", "http", "ftp")
_HOST_BEFORE = re.compile(r"(?<![\w.@/\-])[A-Za-z0-9][\w.\-]{0,100}$")
_TOP_LEVELS = (
    ".com/",
    ".ca/",
    ".org/",
    ".net/",
    ".io/",
    ".gov/",
    ".edu/",
    ".fr/",
    ".co/",
    ".us/",
    ".dev/",
    ".app/",
    ".example/",
)
_ACCOUNT_PATH = re.compile(
    r"/(?:users?|u|s|my-?accounts?|mon-?comptes?|mes-?comptes?|espace-?(?:clients?|membres?)|mon-?(?:dossier|espace|profil)|accounts?|acct|customers?|clients?|members?|profiles?|people|persons?|patients?|employees?|emp|"
    r"candidates?|applicants?|subscribers?|students?|contacts?|wallets?|usagers?|comptes?|profils?|dossiers?|membres?|"
    r"utilisateurs?|assures?|beneficiaires?|employes?|etudiants?|abonnes?|in|pub|invite|invites|reset|reset-?password|reinit\w{0,12}|"
    r"verify|verifier|validat(?:e|ion)|confirm(?:ation|er)?|activat(?:e|ion)|activer|invitations?|desabonn\w{0,8}|unsubscribe|magic|login|share|partage|personal|payslips?|releves?|statements?|polic(?:y|ies)|contrats?|polices?|tenants?|locataires?|recipients?|agreements?|ententes?|files?|t|d|c|orgs?|subscriptions?|billing|citizen|citoyens?|case|claims?)"
    r"[/=:](?!new\b|login\b|index\b|settings\b|me\b|help\b|faq\b|about\b)[\w%.@~\-]{2,}",
    re.IGNORECASE,
)
_WEAK_PATH = re.compile(
    r"/(?:orgs?|s|t|d|c|u|files?|pub|share|partage|case|polic(?:y|ies)|contrats?|polices?|statements?)/", re.IGNORECASE
)
_PATH = re.compile(r"/(?<![\w.:/~*>)\]]/)[^\s<>\"'`\\{}|^]{6,2000}")  # of a request in a log: no host before it
_HANDLE = re.compile(
    r"(?:/|%40)@[\w.\-]{2,}|/~[a-z][\w.\-]+"
    r"|://(?:[\w-]+\.)?(?:facebook|instagram|twitter|x)\.com/[\w.]{3,}",
    re.IGNORECASE,
)
_QUERY = re.compile(
    r"[?&#;](?:user(?:_?id|name)?|uid|account(?:_?(?:id|no|number))?|acct|customer(?:_?id)?|client_?(?:id|no|number)?|no_?(?:client|usager|dossier|compte|membre)|numero|cust|"
    r"member(?:_?id)?|patient(?:_?id)?|(?:access_|auth_|id_|refresh_|reset_|csrf_)?token|pwd|mdp|password|passwd|passcode|pass|auth|jeton(?:_acces)?|session(?:_?id)?|sid|sig|"
    r"signature|api_?key|key|e?mail|phone|tel|nas|sin|ssn|name|login|code|jwt|hash|invite|compte|usager|dossier|courriel|proprio(?:etaire)?|owner|acces|"
    r"utilisateur|profile(?:_?id)?|employee(?:_?id)?|no_?client|subscriber|x-amz-credential|x-amz-signature|id)="
    r"(?=[^&\s]{0,200}[0-9@%])[^&\s]{3,}",
    re.IGNORECASE,
)
_OPAQUE = re.compile(
    r"/(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[\w\-]*[0-9])(?=[\w\-]*[A-Za-z])"
    r"(?:cus|acct|usr|user|sub|cust|mem|client)[_-][\w\-]{4,})"
    r"|[?&][\w.\-]{1,40}=(?=[\w\-]{0,200}[0-9])(?=[\w\-]{0,200}[a-z])[\w\-]{20,}"
    r"|/(?<!blob/)(?<!tree/)(?<!commit/)(?<!raw/)(?=[a-f]{0,40}[0-9])[0-9a-f]{32}(?![\w.])"
    r"|/(?=[\w\-]{0,200}[0-9])(?=[\w\-]{0,200}(?-i:[a-z]))(?=[\w\-]{0,200}(?-i:[A-Z]))[\w]{20,}(?![\w.\-])",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(r"://[^/\s:@]{0,128}:([^/\s?]{3,256})@(?=[\w\[$.-])")
_ALONE = re.compile(r"://([\w.-]{16,256})@(?=[\w\[])")  # a key in a user's place
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_BEFORE_COLONS = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}$")
_IPV6 = re.compile(r"[0-9A-Fa-f:]{2,45}(?:\.[0-9]{1,3}){0,3}(?![\w:])")
_COMMON = 6  # shorter than this an address with `::` is rather a slice of a list
_SURE = 0.992
_TRAILING = ".,;:!?'*_)]"


def find_online(reading: Reading) -> list[Hit]:
    """E-mail addresses, IPv6 addresses, URLs."""
    hits: list[Hit] = []
    view = reading.view
    hits += _emails(view, reading.low)
    if "://" in view:
        hits += _urls(view, reading.low)
    if "/" in view:
        hits += _bare_urls(view, reading.low)
        hits += _paths(view)
    if ":" in view:
        hits += _ipv6(view)
    return hits


def _emails(view: str, low: str) -> list[Hit]:
    hits: list[Hit] = []
    if any(mark in low for mark in _SPREAD):
        for found in _OBFUSCATED.finditer(view):
            domain = _LAST_WORD.search(found[2])
            if domain and domain[1].isalpha() and len(domain[1]) > 1:
                hits.append(Hit(found.start(1), found.end(2), EntityType.EMAIL, 0.8, "email"))
    if any(sign in low for sign in _SIGNS):
        hits += [Hit(*found.span(), EntityType.EMAIL, 0.9, "email") for found in _ENCODED.finditer(view)]
    at = view.find("@")
    while at >= 0:
        if hit := _email(view, at):
            hits.append(hit)
        at = view.find("@", at + 1)
    return hits


def _email(view: str, at: int) -> Hit | None:
    domain = _DOMAIN.match(view, at + 1) or _HOST_LITERAL.match(view, at + 1)
    if not domain:
        return None
    found = _LOCAL.search(view[max(0, at - 64) : at])
    local = found.group().lstrip("/=#$&*!^~.'-") if found else ""
    if "/" in local or "=" in local:
        local = local.replace("=", "/").rpartition("/")[2].lstrip("#$&*!^~.'-")
    if view[at - 1 : at] == '"':
        local = _quoted(view, at)
    if not local or local in _MACHINES or view.endswith("//", 0, at - len(local)):
        return None  # `//` parts the scheme from who signs in
    end = domain.end()
    while view[end - 1] in "-_":
        end -= 1
    last = view[at + 1 : end].rpartition(".")
    if not last[1] and domain.re is _DOMAIN:
        score = 0.55 if "." in local.strip(".") and last[2].isalpha() and local.replace(".", "").isalpha() else 0.3
    elif last[2].isdigit() and domain.re is _DOMAIN:  # of a machine's: `ssh root@203.0.113.7`
        return None
    else:
        score = 0.98
    return Hit(at - len(local), end, EntityType.EMAIL, score, "email")


def _quoted(view: str, at: int) -> str:
    start = view.rfind('"', max(0, at - 64), at - 1)
    return view[start:at] if start >= 0 and "\n" not in view[start:at] else ""


def _urls(view: str, low: str) -> list[Hit]:
    hits = []
    at = low.find("://")
    while at >= 0:
        scheme = next((one for one in _SCHEMES if low.endswith(one, 0, at)), "")
        rest = _REST.match(view, at + 3) if scheme else None
        if rest and (hit := _url(view, at - len(scheme), rest.end())):
            hits.append(hit)
        found = _CREDENTIAL.match(view, at)
        if found and found[1][0] not in "$<{%*" and not found[1].isdigit():
            hits.append(Hit(found.start(1), found.end(1), EntityType.SECRET, 0.995, "url_password", "password"))
        elif (alone := _ALONE.match(view, at)) and is_random(alone[1]):
            hits.append(Hit(*alone.span(1), EntityType.SECRET, 0.993, "url_password", "password"))
        at = low.find("://", rest.end() if rest else at + 3)
    return hits


def _bare_urls(view: str, low: str) -> list[Hit]:
    """`portal.example.ca/users/123`: no scheme, but a host and a path."""
    hits = []
    for top in _TOP_LEVELS:
        at = low.find(top)
        while at >= 0:
            host, rest = _HOST_BEFORE.search(view[max(0, at - 100) : at]), _REST.match(view, at + len(top))
            if host and rest and (hit := _url(view, at - len(host.group()), rest.end())):
                hits.append(hit._replace(score=hit.score - 0.005))
            at = low.find(top, rest.end() if rest else at + 3)
    return hits


def _paths(view: str) -> list[Hit]:
    """`/users/771203/statements?token=…`, as logs have it."""
    if not _PATH.search(view) or (not _ACCOUNT_PATH.search(view) and not _QUERY.search(view)):
        return []
    return [
        Hit(found.start(), found.start() + len(_trimmed(found.group())), EntityType.ACCOUNT_URL, _SURE - 0.007, "url")
        for found in _PATH.finditer(view)
        if _account(f"//{_trimmed(found.group())}") >= _SURE and any(map(str.isdigit, found.group()))
    ]


def _url(view: str, start: int, end: int) -> Hit | None:
    address = _trimmed(view[start:end])
    score = _account(address if "://" in address else f"//{address}")
    return Hit(start, start + len(address), EntityType.ACCOUNT_URL, score, "url") if score else None


def _trimmed(address: str) -> str:
    return address.rstrip(_TRAILING)


def _account(address: str) -> float:
    if _QUERY.search(address):
        return _SURE
    if found := _ACCOUNT_PATH.search(address):
        segment = found.group().rpartition("/")[2]
        if _WEAK_PATH.match(found.group()) and not any(map(str.isdigit, segment)):
            return 0.65 if _HANDLE.search(address) or _OPAQUE.search(address) else 0
        return _SURE if any(map(str.isdigit, segment)) or "-" in segment or "." in segment or "@" in segment else 0.6
    if _HANDLE.search(address) or _OPAQUE.search(address):
        return 0.65
    return 0


def _ipv6(view: str) -> list[Hit]:
    hits: list[Hit] = []
    position = 0
    while colons := _COLONS.search(view, position):
        position = colons.end() - 1
        before = _BEFORE_COLONS.search(view, max(0, colons.start() - 5), colons.start())
        found = _IPV6.match(view, before.start()) if before else None
        if not found:
            continue
        position = max(position, found.end())
        text = found.group() if found.group().endswith("::") else found.group().rstrip(":")
        if text.count(":") < 2 or not any(map(str.isdigit, text)) or len(text) < _COMMON:  # noqa: PLR2004
            continue
        try:
            address = IPv6Address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified):
            private = "private" if address.is_link_local else ""
            hits.append(Hit(found.start(), found.start() + len(text), EntityType.IP, 0.9, "ipv6", private))
    return hits
